using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// Convolution over one axis, for patches and speech: y[t, o] = bias[o] + Σ_{i, j} w[o, i, j] · x[t · Stride + j − Padding, i],
/// rows outside x counting as zero. x: [length, in]; w: [out, in, kernel] in any format; bias: [out]
/// → y: [(length + 2 · Padding − kernel) / Stride + 1, out]. A two-dimensional convolution whose stride is its kernel
/// (a patch embedding) is a MatMul over flattened patches and needs no op of its own.
/// </summary>
public sealed record Convolution1D(int Stride, int Padding) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 2);
        (Shape x, Shape w) = (inputs[0].Shape, inputs[1].Shape);
        Require(x.Rank == 2 && w.Rank == 3 && x[1] == w[1] && inputs[2].Shape == new Shape(w[0]), inputs, "must be [length, in], [out, in, kernel] and [out]");
        Require(Stride > 0 && Padding >= 0 && x[0].Size + (2 * Padding) >= w[2].Size, inputs, "the kernel must fit at least once");
        return [TensorType.F32(((x[0].Size + (2 * Padding) - w[2].Size) / Stride) + 1, w[0])];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        TensorView x = inputs[0];
        int kernel = inputs[1].RowLength;
        float[] weight = new float[kernel];
        for (int output = 0; output < outputs[0].RowLength; output++)
        {
            double[] sums = new double[outputs[0].RowCount];
            for (int input = 0; input < x.RowLength; input++)
            {
                inputs[1].Part(output).ReadRow(input, weight);
                for (int t = 0; t < sums.Length; t++)
                {
                    for (int j = 0; j < kernel; j++)
                    {
                        int row = (t * Stride) + j - Padding;
                        if (row >= 0 && row < x.RowCount)
                        {
                            sums[t] += (double)weight[j] * x.Row(row)[input];
                        }
                    }
                }
            }

            for (int t = 0; t < sums.Length; t++)
            {
                outputs[0].Row(t)[output] = (float)(sums[t] + inputs[2].Floats[output]);
            }
        }
    }
}
