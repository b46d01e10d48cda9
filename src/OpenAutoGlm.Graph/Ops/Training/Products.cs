using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>
/// <see cref="MatMul"/> with a weight that may change from run to run: y = x · wᵀ. x: [m, k]; w: [n, k] in any format → y: [m, n].
/// </summary>
public sealed record TrainedMatMul(TrainingArithmetic Arithmetic) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => new MatMul().Infer(inputs);

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs) => new MatMul().Evaluate(inputs, outputs);
}

/// <summary>
/// What a product hands back to its rows: dx = dy · w. dy: [m, n]; w: [n, k] in any format → dx: [m, k].
/// </summary>
public sealed record MatMulInputGradient(TrainingArithmetic Arithmetic) : Op
{
    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0);
        Require(inputs[0].Shape.Rank == 2 && inputs[1].Shape.Rank == 2 && inputs[0].Shape.Last == inputs[1].Shape[0], inputs, "must be [m, n] and [n, k]");
        return [TensorType.F32(inputs[0].Shape[0], inputs[1].Shape.Last)];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (int n, int k) = (inputs[1].RowCount, inputs[1].RowLength);
        float[] weight = new float[n * k];
        for (int j = 0; j < n; j++)
        {
            inputs[1].ReadRow(j, weight.AsSpan(j * k, k));
        }

        double[] sums = new double[k];
        for (int m = 0; m < inputs[0].RowCount; m++)
        {
            Array.Clear(sums);
            ReadOnlySpan<float> dy = inputs[0].Row(m);
            for (int j = 0; j < n; j++)
            {
                for (int i = 0; i < k; i++)
                {
                    sums[i] += (double)dy[j] * weight[(j * k) + i];
                }
            }

            Gradients.Store(sums, outputs[0].Row(m));
        }
    }
}

/// <summary>
/// What a product adds to the gradient of its weight: dw += dyᵀ · x. dw: [n, k], updated in place; dy: [m, n]; x: [m, k].
/// </summary>
public sealed record MatMulWeightGradient(TrainingArithmetic Arithmetic) : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 1, 2);
        (Shape dw, Shape dy, Shape x) = (inputs[0].Shape, inputs[1].Shape, inputs[2].Shape);
        Require(dw.Rank == 2 && dy.Rank == 2 && x.Rank == 2 && dy[0] == x[0] && dw[0] == dy[1] && dw[1] == x[1], inputs, "must be [n, k], [m, n] and [m, k]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        double[] sums = new double[outputs[0].RowLength];
        for (int n = 0; n < outputs[0].RowCount; n++)
        {
            Array.Clear(sums);
            for (int m = 0; m < inputs[1].RowCount; m++)
            {
                double dy = inputs[1].Row(m)[n];
                ReadOnlySpan<float> x = inputs[2].Row(m);
                for (int i = 0; i < sums.Length; i++)
                {
                    sums[i] += dy * x[i];
                }
            }

            Gradients.Add(sums, outputs[0].Row(n));
        }
    }
}
