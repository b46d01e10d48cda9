using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>
/// Weights as they would come back from a block format: y = dequantise(quantise(w)), row by row, so that training meets the error that
/// quantisation will make. Its gradient goes straight through. w: [.., n] F32 → y. y may be w.
/// Source: Jacob et al. 2018, §3; the straight-through estimator: Bengio et al. 2013.
/// </summary>
public sealed record FakeQuantize(TensorFormat Format) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => true;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(1, inputs);
        RequireF32(inputs, 0);
        int block = BlockFormat.Of(Format).BlockElements;
        Require(inputs[0].Shape.Last.Size % block == 0, inputs, $"rows must be a multiple of {block}");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        BlockFormat format = BlockFormat.Of(Format);
        byte[] bytes = new byte[format.RowBytes(inputs[0].RowLength)];
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            format.Quantize(inputs[0].Row(row), [], bytes);
            format.Dequantize(bytes, outputs[0].Row(row));
        }
    }
}
