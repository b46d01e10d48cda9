using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>What a non-linear function hands back: dx = f′(x) · dy. x, dy: of one shape. dx may be either.</summary>
public sealed record ActivateGradient(Activation Function) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => true;

    /// <inheritdoc/>
    public override string Name => $"{Function}Gradient";

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
        ReadOnlySpan<float> x = inputs[0].Floats;
        ReadOnlySpan<float> dy = inputs[1].Floats;
        Span<float> dx = outputs[0].Floats;
        for (int i = 0; i < dx.Length; i++)
        {
            dx[i] = (float)(Slope(Function, x[i]) * dy[i]);
        }
    }

    /// <summary>f′(x) in float64; 0 at the kink of <see cref="Activation.Relu"/>.</summary>
    public static double Slope(Activation function, double x)
    {
        double sigmoid = Activate.Of(Activation.Sigmoid, x);
        switch (function)
        {
            case Activation.Sigmoid:
                return sigmoid * (1 - sigmoid);
            case Activation.Silu:
                return sigmoid * (1 + (x * (1 - sigmoid)));
            case Activation.GeluTanh:
                double root = Math.Sqrt(2 / Math.PI);
                double tanh = Math.Tanh(root * (x + (0.044715 * x * x * x)));
                return (0.5 * (1 + tanh)) + (0.5 * x * (1 - (tanh * tanh)) * root * (1 + (3 * 0.044715 * x * x)));
            case Activation.GeluErf:
                double distribution = x == 0 ? 0.5 : Activate.Of(Activation.GeluErf, x) / x;
                return distribution + (x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
            case Activation.Relu:
                return x > 0 ? 1 : 0;
            default:
                throw new ArgumentOutOfRangeException(nameof(function), function, "No such activation.");
        }
    }
}

/// <summary>Adds to a gradient in place: dw += dy. dw, dy: of one shape.</summary>
public sealed record AddGradient : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

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
        ReadOnlySpan<float> dy = inputs[1].Floats;
        Span<float> dw = outputs[0].Floats;
        for (int i = 0; i < dw.Length; i++)
        {
            dw[i] += dy[i];
        }
    }
}

/// <summary>What a row that was added to every row gets: dw += Σ_rows dy. dw: [n], in place; dy: [.., n].</summary>
public sealed record BiasGradient : Op
{
    /// <inheritdoc/>
    public override int? Alias => 0;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        RequireCount(2, inputs);
        RequireF32(inputs, 0, 1);
        Require(inputs[0].Shape == new Shape(inputs[1].Shape.Last), inputs, "must be [n] and [.., n]");
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        double[] sums = new double[outputs[0].RowLength];
        for (int row = 0; row < inputs[1].RowCount; row++)
        {
            ReadOnlySpan<float> dy = inputs[1].Row(row);
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] += dy[i];
            }
        }

        Gradients.Add(sums, outputs[0].Floats);
    }
}
