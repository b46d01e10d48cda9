using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>
/// Adam with decoupled weight decay: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
/// w ← w − η·(m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε) + λw). Source: Loshchilov &amp; Hutter 2019, algorithm 2.
/// </summary>
sealed class AdamWUpdate : WeightUpdate
{
    readonly UpdateOptions _options;
    readonly IReadOnlyList<TrainedParameter> _parameters;
    readonly ParameterPieces _pieces;
    readonly Tensor?[] _means; // m
    readonly Tensor?[] _squares; // v
    readonly bool[] _decays;
    readonly Action<ParameterPieces.Piece> _update;
    Factors _factors;

    /// <param name="options">The numbers.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="pieces">Their pieces.</param>
    /// <param name="owns">Which parameters are this rule's.</param>
    public AdamWUpdate(UpdateOptions options, IReadOnlyList<TrainedParameter> parameters, ParameterPieces pieces, Predicate<TrainedParameter> owns)
    {
        (_options, _parameters, _pieces) = (options, parameters, pieces);
        _means = [.. parameters.Select(parameter => owns(parameter) ? Like(parameter) : null)];
        _squares = [.. parameters.Select(parameter => owns(parameter) ? Like(parameter) : null)];
        _decays = [.. parameters.Select(parameter => ParameterRoles.Of(parameter).Decays())];
        _update = Update;
    }

    public override IEnumerable<(string Name, Tensor Tensor)> State =>
        _parameters.Zip(_means).Where(pair => pair.Second is not null).Select(pair => ($"adamw.m/{pair.First.Name}", pair.Second!))
            .Concat(_parameters.Zip(_squares).Where(pair => pair.Second is not null).Select(pair => ($"adamw.v/{pair.First.Name}", pair.Second!)));

    public override void Apply(double learningRate, double gradientFactor, long step)
    {
        // The two corrections go into factors, so that the loop has one division: √v·s + ε with s = 1/√(1 − β₂ᵗ).
        _factors = new Factors(
            (float)gradientFactor,
            (float)_options.Beta1,
            (float)(1 - _options.Beta1),
            (float)_options.Beta2,
            (float)(1 - _options.Beta2),
            (float)(learningRate / (1 - Math.Pow(_options.Beta1, step))),
            (float)(1 / Math.Sqrt(1 - Math.Pow(_options.Beta2, step))),
            (float)_options.Epsilon,
            (float)(1 - (learningRate * _options.WeightDecay)));
        _pieces.ForEach(_update);
    }

    void Update(ParameterPieces.Piece piece)
    {
        if (_means[piece.Parameter] is not { } mean)
        {
            return;
        }

        Span<float> means = mean.View.Floats.Slice(piece.Start, piece.Length);
        Span<float> squares = _squares[piece.Parameter]!.View.Floats.Slice(piece.Start, piece.Length);
        Factors factors = _decays[piece.Parameter] ? _factors : _factors with { Keep = 1 };
        Update(factors, _pieces.Weight(piece), _pieces.Gradient(piece), means, squares);
    }

    /// <summary>Sixteen elements at a time, then the rest one by one, each with the same operations in the same order.</summary>
    static void Update(Factors factors, Span<float> weights, ReadOnlySpan<float> gradients, Span<float> means, Span<float> squares)
    {
        Span<Vector512<float>> wide = MemoryMarshal.Cast<float, Vector512<float>>(weights);
        ReadOnlySpan<Vector512<float>> wideGradients = MemoryMarshal.Cast<float, Vector512<float>>(gradients);
        Span<Vector512<float>> wideMeans = MemoryMarshal.Cast<float, Vector512<float>>(means);
        Span<Vector512<float>> wideSquares = MemoryMarshal.Cast<float, Vector512<float>>(squares);
        for (int i = 0; i < wide.Length; i++)
        {
            Vector512<float> gradient = wideGradients[i] * factors.Gradient;
            Vector512<float> mean = (wideMeans[i] * factors.Beta1) + (gradient * factors.Rest1);
            Vector512<float> square = (wideSquares[i] * factors.Beta2) + (gradient * gradient * factors.Rest2);
            wideMeans[i] = mean;
            wideSquares[i] = square;
            Vector512<float> root = (Vector512.Sqrt(square) * factors.Root) + Vector512.Create(factors.Epsilon);
            wide[i] = (wide[i] * factors.Keep) - (mean * factors.Rate / root);
        }

        for (int i = wide.Length * Vector512<float>.Count; i < weights.Length; i++)
        {
            float gradient = gradients[i] * factors.Gradient;
            means[i] = (means[i] * factors.Beta1) + (gradient * factors.Rest1);
            squares[i] = (squares[i] * factors.Beta2) + (gradient * gradient * factors.Rest2);
            float root = (MathF.Sqrt(squares[i]) * factors.Root) + factors.Epsilon;
            weights[i] = (weights[i] * factors.Keep) - (means[i] * factors.Rate / root);
        }
    }

    readonly record struct Factors(float Gradient, float Beta1, float Rest1, float Beta2, float Rest2, float Rate, float Root, float Epsilon, float Keep);
}
