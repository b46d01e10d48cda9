using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Fused;

/// <summary>
/// Rows times one or several weights, with what comes before and after: x' = Prologue(…) or x, and for each part
/// y = edges(x' · wᵀ); or, with a gate over two parts, y = Gate(y₀) · y₁. The weights may have different formats.
/// The prologue is an <see cref="RmsNorm"/>, <see cref="GatherNorm"/> or <see cref="ResidualNorm"/>, whose last result
/// is what is multiplied and whose other results come out first. A result that is handed over is read by the next product alone, so
/// a backend may leave it in the form in which that multiplies it.
/// Inputs: those of the prologue, or x: [m, k]; then for each part those of <see cref="Projection"/>.
/// </summary>
public sealed record FusedMatMul(Op? Prologue, ImmutableArray<Projection> Parts, Activation? Gate = null, bool HandsOver = false) : FusedOp
{
    /// <summary>Inputs before those of the first part.</summary>
    public int PrologueInputs => InputsOf(Prologue);

    /// <summary>Results of the prologue that come out beside the products.</summary>
    public int PrologueOutputs => Prologue is ResidualNorm ? 1 : 0;

    /// <summary>Where the inputs of a part stand.</summary>
    public ProjectionInputs InputsOf(int part)
    {
        int at = PrologueInputs;
        for (int i = 0; i < part; i++)
        {
            at += Parts[i].InputCount;
        }

        Projection projection = Parts[part];
        int Next(bool taken) => taken ? at++ : -1;
        return new ProjectionInputs(
            Next(true),
            Next(projection.Bias),
            Next(projection.Norm is not null),
            Next(projection.Rope is not null),
            Next(projection.Rope is not null && projection.Factors),
            Next(projection.Write is not null),
            Next(projection.Write is not null),
            projection.Sums > 0 ? at : -1,
            at + projection.Sums);
    }

    /// <inheritdoc/>
    public override int? AliasOf(int output)
    {
        int part = output - PrologueOutputs;
        return Gate is null && part >= 0 && Parts[part].Write is not null ? InputsOf(part).State : null;
    }

    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input)
    {
        int part = output - PrologueOutputs;
        return part < 0
            ? Prologue!.MayOverwrite(output, input) && input < PrologueInputs
            : Gate is null && Parts.Length == 1 && PrologueOutputs == 0 && Parts[part].Sums > 0 && input >= InputsOf(part).Sums;
    }

    /// <inheritdoc/>
    public bool Equals(FusedMatMul? other) =>
        other is not null && Equals(Prologue, other.Prologue) && Gate == other.Gate && HandsOver == other.HandsOver && Parts.AsSpan().SequenceEqual(other.Parts.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Prologue, Gate, HandsOver, Parts.Length, Parts[0]);

    /// <summary>Inputs that a prologue takes; without one, the rows themselves.</summary>
    internal static int InputsOf(Op? prologue) => prologue switch
    {
        null => 1,
        RmsNorm => 2,
        GatherNorm => 3,
        ResidualNorm norm => norm.InputCount,
        _ => throw new GraphException($"{prologue} cannot come before a product."),
    };

    internal override void Compose(Composition whole)
    {
        int x = Before(Prologue, whole, keep: false);
        int[] ys = new int[Parts.Length];
        for (int i = 0; i < ys.Length; i++)
        {
            ys[i] = Edges(Parts[i], whole.Apply(new MatMul(), x, whole.Take()), whole);
        }

        if (Gate is { } gate)
        {
            Require(Parts.Length == 2, [.. whole.Types], "a gate needs two parts");
            ys = [whole.Apply(new Multiply(), whole.Apply(new Activate(gate), ys[0]), ys[1])];
        }

        foreach (int y in ys)
        {
            whole.Output(y);
        }
    }

    /// <summary>Applies a prologue and says where the rows lie that are multiplied.</summary>
    internal static int Before(Op? prologue, Composition whole, bool keep)
    {
        if (prologue is null)
        {
            return whole.Take();
        }

        ImmutableArray<int> made = whole.ApplyMany(prologue, whole.Take(InputsOf(prologue)));
        foreach (int output in keep ? made : made[..^1])
        {
            whole.Output(output);
        }

        return made[^1];
    }

    /// <inheritdoc/>
    protected override bool PrintMembers(StringBuilder builder)
    {
        builder.Append(Prologue is null ? "" : $"{Prologue} → ").AppendJoin(" | ", Parts).Append(Gate is null ? "" : $" → {Gate}").Append(HandsOver ? ", handed over" : "");
        return true;
    }

    static int Edges(Projection part, int y, Composition whole)
    {
        y = part.Bias ? whole.Apply(new Add(), y, whole.Take()) : y;
        if (part.HeadDim > 0)
        {
            Shape shape = whole.Types[y].Shape;
            y = whole.Apply(new Reshape(new Shape(shape[0], Math.Max(1, shape[1].Size / part.HeadDim), part.HeadDim)), y);
        }

        y = part.Norm is { } norm ? whole.Apply(norm, y, whole.Take()) : y;
        y = part.Rope is { } rope ? whole.Apply(rope, [y, .. whole.Take(part.Factors ? 2 : 1)]) : y;
        if (part.Write is { } write)
        {
            (int state, int slots) = (whole.Take(), whole.Take());
            y = whole.Apply(write, state, y, slots);
        }

        for (int i = 0; i < part.Sums; i++)
        {
            y = whole.Apply(new Add(), y, whole.Take());
        }

        return y;
    }
}
