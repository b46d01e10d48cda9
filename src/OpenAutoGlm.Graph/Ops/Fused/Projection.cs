namespace OpenAutoGlm.Graph.Ops.Fused;

/// <summary>
/// One weight of a <see cref="FusedMatMul"/> and what happens to its rows before anyone else sees them, in this order:
/// bias, heads, norm of each head, rotation, write into KV memory, sums.
/// </summary>
public sealed record Projection
{
    /// <summary>Whether a vector [n] is added to every row. Takes an input.</summary>
    public bool Bias { get; init; }

    /// <summary>Width of the heads into which a row falls: the result is [m, n / HeadDim, HeadDim]. 0 leaves it [m, n].</summary>
    public int HeadDim { get; init; }

    /// <summary>The norm of each head, or null. Takes its weight [HeadDim].</summary>
    public RmsNorm? Norm { get; init; }

    /// <summary>The rotation, or null. Takes positions.</summary>
    public Rope? Rope { get; init; }

    /// <summary>Whether the rotation takes factors too.</summary>
    public bool Factors { get; init; }

    /// <summary>The write into KV memory, or null. Takes state and slots; the result is the state.</summary>
    public KvWrite? Write { get; init; }

    /// <summary>How many tensors of the result's shape are added. Takes each of them.</summary>
    public int Sums { get; init; }

    /// <summary>Inputs beside the rows: the weight and what the edges take.</summary>
    internal int InputCount =>
        1 + (Bias ? 1 : 0) + (Norm is null ? 0 : 1) + (Rope is null ? 0 : Factors ? 2 : 1) + (Write is null ? 0 : 2) + Sums;

    /// <summary>Whether nothing but a bias has been put on this edge.</summary>
    internal bool Plain => HeadDim == 0 && Norm is null && Rope is null && Write is null && Sums == 0;

    /// <inheritdoc/>
    public override string ToString()
    {
        string[] edges =
        [
            .. Bias ? ["bias"] : Array.Empty<string>(),
            .. HeadDim > 0 ? [$"heads of {HeadDim}"] : Array.Empty<string>(),
            .. Norm is not null ? ["norm"] : Array.Empty<string>(),
            .. Rope is not null ? ["rope"] : Array.Empty<string>(),
            .. Write is not null ? ["KV write"] : Array.Empty<string>(),
            .. Sums > 0 ? [$"+{Sums}"] : Array.Empty<string>(),
        ];
        return edges.Length == 0 ? "plain" : string.Join(" ", edges);
    }
}

/// <summary>Where the inputs of a projection stand among those of its node; −1 for what it does not take.</summary>
/// <param name="Weight">[n, k].</param>
/// <param name="Bias">[n].</param>
/// <param name="NormWeight">[HeadDim].</param>
/// <param name="Positions">[tokens] I32.</param>
/// <param name="Factors">[Dims / 2].</param>
/// <param name="State">KV memory.</param>
/// <param name="Slots">[tokens] I32.</param>
/// <param name="Sums">The first of the tensors that are added.</param>
/// <param name="End">Behind the last.</param>
public readonly record struct ProjectionInputs(int Weight, int Bias, int NormWeight, int Positions, int Factors, int State, int Slots, int Sums, int End);
