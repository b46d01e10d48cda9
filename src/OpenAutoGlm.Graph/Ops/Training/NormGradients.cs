using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>
/// What an RMS norm hands back to its rows: with r = 1 / √(mean(x²) + ε) and g = dy · w,
/// dx = r · (g − x · r² · mean(g · x)). x: [.., n]; w: [n]; dy: [.., n] → dx. dx may be x or dy.
/// </summary>
public sealed record RmsNormInputGradient(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input is 0 or 2;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 1, 2);
        Require(inputs[1].Shape == new Shape(inputs[0].Shape.Last) && inputs[2] == inputs[0], inputs, "must be [.., n], [n] and [.., n]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        ReadOnlySpan<float> weight = inputs[1].Floats;
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[0].Row(row);
            ReadOnlySpan<float> dy = inputs[2].Row(row);
            Span<float> dx = outputs[0].Row(row);
            double scale = RowScale(x, Epsilon);
            double along = 0;
            for (int i = 0; i < x.Length; i++)
            {
                along += (double)dy[i] * weight[i] * x[i];
            }

            along *= scale * scale / x.Length;
            for (int i = 0; i < x.Length; i++)
            {
                dx[i] = (float)(scale * (((double)dy[i] * weight[i]) - (x[i] * along)));
            }
        }
    }

    internal static double RowScale(ReadOnlySpan<float> x, float epsilon) => 1 / Math.Sqrt((MatMul.Dot(x, x) / x.Length) + epsilon);
}

/// <summary>
/// What an RMS norm adds to the gradient of its weight: dw += Σ_rows dy · x / √(mean(x²) + ε). dw: [n], in place; x, dy: [.., n].
/// </summary>
public sealed record RmsNormWeightGradient(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 1, 2);
        Require(inputs[0].Shape == new Shape(inputs[1].Shape.Last) && inputs[2] == inputs[1], inputs, "must be [n], [.., n] and [.., n]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        double[] sums = new double[outputs[0].RowLength];
        for (int row = 0; row < inputs[1].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[1].Row(row);
            ReadOnlySpan<float> dy = inputs[2].Row(row);
            double scale = RmsNormInputGradient.RowScale(x, Epsilon);
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] += dy[i] * x[i] * scale;
            }
        }

        Gradients.Add(sums, outputs[0].Floats);
    }
}

/// <summary>
/// What a layer norm hands back to its rows: with r = 1 / √(var(x) + ε), z = (x − mean(x)) · r and g = dy · w,
/// dx = r · (g − mean(g) − z · mean(g · z)). x: [.., n]; w: [n]; dy: [.., n] → dx. dx may be x or dy.
/// </summary>
public sealed record LayerNormInputGradient(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input is 0 or 2;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 1, 2);
        Require(inputs[1].Shape == new Shape(inputs[0].Shape.Last) && inputs[2] == inputs[0], inputs, "must be [.., n], [n] and [.., n]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        ReadOnlySpan<float> weight = inputs[1].Floats;
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[0].Row(row);
            ReadOnlySpan<float> dy = inputs[2].Row(row);
            Span<float> dx = outputs[0].Row(row);
            (double mean, double scale) = Moments(x, Epsilon);
            (double meanGradient, double along) = (0, 0);
            for (int i = 0; i < x.Length; i++)
            {
                double gradient = (double)dy[i] * weight[i];
                meanGradient += gradient / x.Length;
                along += gradient * (x[i] - mean) * scale / x.Length;
            }

            for (int i = 0; i < x.Length; i++)
            {
                dx[i] = (float)(scale * (((double)dy[i] * weight[i]) - meanGradient - ((x[i] - mean) * scale * along)));
            }
        }
    }

    internal static (double Mean, double Scale) Moments(ReadOnlySpan<float> x, float epsilon)
    {
        double mean = 0;
        foreach (float value in x)
        {
            mean += value;
        }

        mean /= x.Length;
        double variance = 0;
        foreach (float value in x)
        {
            variance += (value - mean) * (value - mean);
        }

        return (mean, 1 / Math.Sqrt((variance / x.Length) + epsilon));
    }
}

/// <summary>What a layer norm adds to the gradient of its weight: dw += Σ_rows dy · z, z as above. dw: [n], in place; x, dy: [.., n].</summary>
public sealed record LayerNormWeightGradient(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => new RmsNormWeightGradient(Epsilon).Infer(inputs);

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        double[] sums = new double[outputs[0].RowLength];
        for (int row = 0; row < inputs[1].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[1].Row(row);
            ReadOnlySpan<float> dy = inputs[2].Row(row);
            (double mean, double scale) = LayerNormInputGradient.Moments(x, Epsilon);
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] += dy[i] * (x[i] - mean) * scale;
            }
        }

        Gradients.Add(sums, outputs[0].Floats);
    }
}

/// <summary>What a softmax hands back: dx = y · (dy − Σ dy · y), row by row. y, dy: [.., n]. dx may be either.</summary>
public sealed record SoftmaxGradient : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => true;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0, 1);
        Require(inputs[0] == inputs[1], inputs, "must be of one shape");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> y = inputs[0].Row(row);
            ReadOnlySpan<float> dy = inputs[1].Row(row);
            Span<float> dx = outputs[0].Row(row);
            double along = MatMul.Dot(y, dy);
            for (int i = 0; i < y.Length; i++)
            {
                dx[i] = (float)(y[i] * (dy[i] - along));
            }
        }
    }
}
