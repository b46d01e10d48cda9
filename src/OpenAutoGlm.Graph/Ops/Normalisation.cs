using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// RMS normalisation of every row: y = x / √(mean(x²) + ε) · w. x: [.., n]; w: [n]. y may be x.
/// Source: Zhang &amp; Sennrich 2019, §3.
/// </summary>
public sealed record RmsNorm(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input == 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0, 1);
        Require(inputs[1].Shape.Rank == 1 && inputs[1].Shape.Last == inputs[0].Shape.Last, inputs, "the weight must be as long as a row");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        ReadOnlySpan<float> weight = inputs[1].Floats;
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[0].Row(row);
            Span<float> y = outputs[0].Row(row);
            double squares = 0;
            foreach (float value in x)
            {
                squares += (double)value * value;
            }

            double scale = 1 / Math.Sqrt((squares / x.Length) + Epsilon);
            for (int i = 0; i < x.Length; i++)
            {
                y[i] = (float)(x[i] * scale * weight[i]);
            }
        }
    }
}

/// <summary>
/// Layer normalisation of every row: y = (x − mean(x)) / √(var(x) + ε) · w + b. x: [.., n]; w, b: [n]. y may be x.
/// Source: Ba et al. 2016, §3.
/// </summary>
public sealed record LayerNorm(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input == 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(3, inputs);
        RequireF32(inputs, 0, 1, 2);
        Require(
            inputs[1].Shape.Rank == 1 && inputs[1].Shape.Last == inputs[0].Shape.Last && inputs[1].Shape == inputs[2].Shape,
            inputs,
            "weight and bias must be as long as a row");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        ReadOnlySpan<float> weight = inputs[1].Floats;
        ReadOnlySpan<float> bias = inputs[2].Floats;
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[0].Row(row);
            Span<float> y = outputs[0].Row(row);
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

            double scale = 1 / Math.Sqrt((variance / x.Length) + Epsilon);
            for (int i = 0; i < x.Length; i++)
            {
                y[i] = (float)(((x[i] - mean) * scale * weight[i]) + bias[i]);
            }
        }
    }
}

/// <summary>Softmax of every row: y = e^(x − max x) / Σ e^(x − max x). x: [.., n]. y may be x.</summary>
public sealed record Softmax : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input == 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(1, inputs);
        RequireF32(inputs, 0);
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        for (int row = 0; row < inputs[0].RowCount; row++)
        {
            ReadOnlySpan<float> x = inputs[0].Row(row);
            Span<float> y = outputs[0].Row(row);
            float largest = float.NegativeInfinity;
            foreach (float value in x)
            {
                largest = Math.Max(largest, value);
            }

            double sum = 0;
            foreach (float value in x)
            {
                sum += Math.Exp(value - largest);
            }

            for (int i = 0; i < x.Length; i++)
            {
                y[i] = (float)(Math.Exp(x[i] - largest) / sum);
            }
        }
    }
}
