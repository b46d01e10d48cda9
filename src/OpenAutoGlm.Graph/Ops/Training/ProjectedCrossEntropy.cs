using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>What <see cref="ProjectedCrossEntropy"/> hands back.</summary>
public enum ProjectionGradients
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The gradient of the rows.</summary>
    Rows,

    /// <summary>The gradient of the rows, and that of the weight is added to.</summary>
    RowsAndWeight,
}

/// <summary>
/// Projection to a vocabulary, cross-entropy and their gradients at once, <see cref="Rows"/> rows at a time, so that the logits of all
/// rows never lie in memory together: with s = softmax(x · wᵀ), loss[i] = −ln s[i, targets[i]], g[i] = factors[i] · (s[i] − onehot(targets[i])),
/// dx = g · w, dw += gᵀ · x. x: [m, k]; w: [vocab, k] in any format; targets: [m] I32; with gradients factors: [m]; with the weight's dw:
/// [vocab, k] → losses: [m]; with gradients dx: [m, k]; with the weight's dw, updated in place.
/// </summary>
public sealed record ProjectedCrossEntropy(TrainingArithmetic Arithmetic, int Rows, ProjectionGradients Gradients) : Op
{
    /// <inheritdoc/>
    public override int? AliasOf(int output) => output == 2 ? 4 : null;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(Gradients switch { ProjectionGradients.None => 3, ProjectionGradients.Rows => 4, _ => 5 }, inputs);
        TensorType logits = new MatMul().Infer(inputs[..2])[0];
        Dim m = logits.Shape[0];
        Require(inputs[2] == TensorType.I32(m), inputs, "targets must be I32 [m]");
        Require(inputs.Length < 4 || inputs[3] == TensorType.F32(m), inputs, "factors must be F32 [m]");
        Require(inputs.Length < 5 || inputs[4] == TensorType.F32(inputs[1].Shape[0], inputs[1].Shape[1]), inputs, "dw must be F32 and of the weight's shape");
        Require(Rows > 0, inputs, "at least one row at a time");
        return Gradients switch
        {
            ProjectionGradients.None => [TensorType.F32(m)],
            ProjectionGradients.Rows => [TensorType.F32(m), inputs[0]],
            _ => [TensorType.F32(m), inputs[0], inputs[4]],
        };
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (int m, int vocab) = (inputs[0].RowCount, inputs[1].RowCount);
        Tensor logits = Tensor.Allocate(Formats.TensorFormat.F32, m, vocab);
        Tensor logSums = Tensor.Allocate(Formats.TensorFormat.F32, m);
        new MatMul().Evaluate(inputs[..2], [logits.View]);
        new CrossEntropy().Evaluate([logits.View, inputs[2]], [outputs[0], logSums.View]);
        if (Gradients != ProjectionGradients.None)
        {
            new CrossEntropyGradient().Evaluate([logits.View, logSums.View, inputs[2], inputs[3]], [logits.View]);
            new MatMulInputGradient(Arithmetic).Evaluate([logits.View, inputs[1]], [outputs[1]]);
        }

        if (Gradients == ProjectionGradients.RowsAndWeight)
        {
            new MatMulWeightGradient(Arithmetic).Evaluate([inputs[4], logits.View, inputs[0]], [outputs[2]]);
        }

        GC.KeepAlive((logits, logSums));
    }
}
