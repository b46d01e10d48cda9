using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>
/// Muon: b ← μb + g; u ← g + μb (Nesterov); w ← w − η·(0.2·√max(rows, columns)·orthogonal(u) + λw) for matrices of the
/// layers; AdamW for the rest. Source: Jordan et al. 2024; Liu et al. 2025, §2.2.
/// </summary>
sealed class MuonUpdate : WeightUpdate
{
    readonly UpdateOptions _options;
    readonly IReadOnlyList<TrainedParameter> _parameters;
    readonly AdamWUpdate _rest;
    readonly Tensor?[] _momenta;
    readonly Orthogonaliser _orthogonaliser;
    readonly float[] _direction;

    public MuonUpdate(UpdateOptions options, IReadOnlyList<TrainedParameter> parameters, ParameterPieces pieces, int threads)
    {
        (_options, _parameters) = (options, parameters);
        _rest = new AdamWUpdate(options, parameters, pieces, parameter => !Owns(parameter));
        _momenta = [.. parameters.Select(parameter => Owns(parameter) ? Like(parameter) : null)];
        _orthogonaliser = new Orthogonaliser(threads);
        _direction = new float[parameters.Where(Owns).Select(parameter => (int)parameter.Weight.Shape.ElementCount).DefaultIfEmpty(0).Max()];
    }

    public override IEnumerable<(string Name, Tensor Tensor)> State =>
        _rest.State.Concat(_parameters.Zip(_momenta).Where(pair => pair.Second is not null).Select(pair => ($"muon/{pair.First.Name}", pair.Second!)));

    public override void Apply(double learningRate, double gradientFactor, long step)
    {
        _rest.Apply(learningRate, gradientFactor, step);
        for (int i = 0; i < _parameters.Count; i++)
        {
            if (_momenta[i] is { } momentum)
            {
                Apply(_parameters[i], momentum.View.Floats, (float)learningRate, (float)gradientFactor);
            }
        }
    }

    static bool Owns(TrainedParameter parameter) => parameter.Weight.Shape.Rank == 2 && ParameterRoles.Of(parameter) == ParameterRole.Matrix;

    void Apply(TrainedParameter parameter, Span<float> momentum, float learningRate, float gradientFactor)
    {
        (int rows, int columns) = (parameter.Weight.Shape[0].Size, parameter.Weight.Shape[1].Size);
        Span<float> weights = parameter.Weight.View.Floats;
        ReadOnlySpan<float> gradients = parameter.Gradient.View.Floats;
        Span<float> direction = _direction.AsSpan(0, weights.Length);
        float keep = (float)_options.Momentum;
        for (int i = 0; i < direction.Length; i++)
        {
            float gradient = gradients[i] * gradientFactor;
            momentum[i] = (momentum[i] * keep) + gradient;
            direction[i] = gradient + (momentum[i] * keep);
        }

        _orthogonaliser.Apply(_direction, rows, columns);
        float rate = learningRate * 0.2f * MathF.Sqrt(Math.Max(rows, columns));
        float stay = (float)(1 - (learningRate * _options.WeightDecay));
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = (weights[i] * stay) - (direction[i] * rate);
        }
    }
}
