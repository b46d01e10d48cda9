using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// Rows times a weight matrix: y = x · wᵀ. x: [m, k]; w: [n, k] in any format, a row for every output → y: [m, n].
/// </summary>
public sealed record MatMul : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0);
        Require(inputs[0].Shape.Rank == 2 && inputs[1].Shape.Rank == 2 && inputs[0].Shape.Last == inputs[1].Shape.Last, inputs, "must be [m, k] and [n, k]");
        return [TensorType.F32(inputs[0].Shape[0], inputs[1].Shape[0])];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        float[] weight = new float[inputs[1].RowLength];
        for (int n = 0; n < inputs[1].RowCount; n++)
        {
            inputs[1].ReadRow(n, weight);
            for (int m = 0; m < inputs[0].RowCount; m++)
            {
                outputs[0].Row(m)[n] = (float)Dot(inputs[0].Row(m), weight);
            }
        }
    }

    internal static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int k = 0; k < a.Length; k++)
        {
            sum += (double)a[k] * b[k];
        }

        return sum;
    }
}

/// <summary>
/// Rows times the matrices of the experts chosen for them. x: [tokens, in], the same row for every chosen expert, or
/// [tokens, used, in]; w: [experts, out, in] in any format; chosen: [tokens, used] I32 → y: [tokens, used, out],
/// y[t, j] = x[t (, j)] · w[chosen[t, j]]ᵀ.
/// </summary>
public sealed record ExpertMatMul : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0);
        Shape x = inputs[0].Shape;
        Shape w = inputs[1].Shape;
        Shape chosen = inputs[2].Shape;
        Require(w.Rank == 3 && chosen.Rank == 2 && inputs[2].Format == Formats.TensorFormat.I32, inputs, "needs w [experts, out, in] and I32 chosen [tokens, used]");
        Require(
            x.Last == w.Last && x[0] == chosen[0] && (x.Rank == 2 || (x.Rank == 3 && x[1] == chosen[1])),
            inputs,
            "x must be [tokens, in] or [tokens, used, in]");
        return [TensorType.F32(chosen[0], chosen[1], w[1])];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        TensorView x = inputs[0];
        ReadOnlySpan<int> chosen = inputs[2].Ints;
        int used = inputs[2].RowLength;
        float[] weight = new float[x.RowLength];
        for (int pair = 0; pair < chosen.Length; pair++)
        {
            TensorView expert = inputs[1].Part(chosen[pair]);
            ReadOnlySpan<float> row = x.Row(x.Rank == 3 ? pair : pair / used);
            Span<float> y = outputs[0].Row(pair);
            for (int n = 0; n < y.Length; n++)
            {
                expert.ReadRow(n, weight);
                y[n] = (float)MatMul.Dot(row, weight);
            }
        }
    }
}
