using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Ops;

/// <summary>
/// Sum of two tensors: y = a + b. a: [.., n]; b: the same shape, or [n], added to every row. y may be a.
/// </summary>
public sealed record Add : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => true;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => Broadcast.Infer(this, inputs);

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs) =>
        Broadcast.Evaluate(inputs, outputs[0], (a, b) => a + b);
}

/// <summary>
/// Product of two tensors, element by element: y = a · b. a: [.., n]; b: the same shape, or [n], for every row. y may be a.
/// </summary>
public sealed record Multiply : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => true;

    /// <inheritdoc/>
    public override ImmutableArray<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => Broadcast.Infer(this, inputs);

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs) =>
        Broadcast.Evaluate(inputs, outputs[0], (a, b) => a * b);
}

/// <summary>A tensor times a number: y = factor · x. y may be x.</summary>
public sealed record Scale(float Factor) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => true;

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
        ReadOnlySpan<float> x = inputs[0].Floats;
        Span<float> y = outputs[0].Floats;
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = Factor * x[i];
        }
    }
}

/// <summary>The non-linear functions of one number that models use.</summary>
public enum Activation
{
    /// <summary>x · σ(x). Source: Elfwing et al. 2017.</summary>
    Silu,

    /// <summary>½x(1 + tanh(√(2/π)(x + 0.044715x³))). Source: Hendrycks &amp; Gimpel 2016, §2.</summary>
    GeluTanh,

    /// <summary>x · Φ(x), with the exact normal distribution. Source: Hendrycks &amp; Gimpel 2016, §2.</summary>
    GeluErf,

    /// <summary>σ(x) = 1 / (1 + e^−x).</summary>
    Sigmoid,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>A non-linear function of every element. y may be x.</summary>
public sealed record Activate(Activation Function) : Op
{
    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => true;

    /// <inheritdoc/>
    public override string Name => Function.ToString();

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
        ReadOnlySpan<float> x = inputs[0].Floats;
        Span<float> y = outputs[0].Floats;
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = (float)Of(Function, x[i]);
        }
    }

    /// <summary>The function itself, in float64.</summary>
    public static double Of(Activation function, double x) => function switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.GeluTanh => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        Activation.GeluErf => 0.5 * x * (1 + ErrorFunction(x / Math.Sqrt(2))),
        Activation.Sigmoid => 1 / (1 + Math.Exp(-x)),
        Activation.Relu => Math.Max(x, 0),
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, "No such activation."),
    };

    /// <summary>
    /// erf(x): its Taylor series near zero, its continued fraction (evaluated backwards) beyond; absolute error below
    /// 1e-13. Source: Abramowitz &amp; Stegun 7.1.6 and 7.1.14.
    /// </summary>
    static double ErrorFunction(double x)
    {
        double a = Math.Abs(x);
        if (a > 6)
        {
            return Math.Sign(x);
        }

        if (a < 2.5)
        {
            double term = x;
            double sum = x;
            for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
            {
                term *= 2 * x * x / ((2 * n) + 1);
                sum += term;
            }

            return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
        }

        double fraction = a;
        for (int n = 60; n > 0; n--)
        {
            fraction = a + (n / 2.0 / fraction);
        }

        return Math.Sign(x) * (1 - (Math.Exp(-a * a) / (fraction * Math.Sqrt(Math.PI))));
    }
}

static class Broadcast
{
    internal static ImmutableArray<TensorType> Infer(Op op, ReadOnlySpan<TensorType> inputs)
    {
        bool fits = inputs.Length == 2 && inputs[0].Format == Formats.TensorFormat.F32 && inputs[1].Format == Formats.TensorFormat.F32
            && (inputs[0].Shape == inputs[1].Shape || (inputs[1].Shape.Rank == 1 && inputs[1].Shape.Last == inputs[0].Shape.Last));
        return fits
            ? [inputs[0]]
            : throw new GraphException($"{op}: needs two F32 inputs, the second of the shape of the first or of its last extent; got {string.Join(", ", inputs.ToArray())}.");
    }

    internal static void Evaluate(ReadOnlySpan<TensorView> inputs, TensorView output, Func<float, float, float> function)
    {
        ReadOnlySpan<float> a = inputs[0].Floats;
        ReadOnlySpan<float> b = inputs[1].Floats;
        Span<float> y = output.Floats;
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = function(a[i], b[i % b.Length]);
        }
    }
}
