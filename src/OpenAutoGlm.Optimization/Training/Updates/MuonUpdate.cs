using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>
/// Muon: b ← μb + g; u ← g + μb (Nesterov); w ← w − η·(0.2·√max(rows, columns)·orthogonal(u) + λw) for matrices of the
/// layers; AdamW for the rest. Several matrices at a time, the largest first. Source: Jordan et al. 2024; Liu et al. 2025, §2.2.
/// </summary>
sealed class MuonUpdate : WeightUpdate
{
    readonly UpdateOptions _options;
    readonly IReadOnlyList<TrainedParameter> _parameters;
    readonly AdamWUpdate _rest;
    readonly Tensor?[] _momenta;
    readonly int[] _matrices; // the largest first
    readonly ParallelOptions _parallel;
    readonly int _threadsOfEach;
    readonly ConcurrentBag<Workplace> _workplaces = [];

    public MuonUpdate(UpdateOptions options, IReadOnlyList<TrainedParameter> parameters, ParameterPieces pieces, int threads)
    {
        (_options, _parameters) = (options, parameters);
        _rest = new AdamWUpdate(options, parameters, pieces, parameter => !Owns(parameter));
        _momenta = [.. parameters.Select(parameter => Owns(parameter) ? Like(parameter) : null)];
        _matrices = [.. Enumerable.Range(0, parameters.Count).Where(i => Owns(parameters[i])).OrderByDescending(i => parameters[i].Weight.Shape.ElementCount)];
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        _threadsOfEach = Math.Max(1, threads / Math.Max(1, _matrices.Length));
    }

    public override IEnumerable<(string Name, Tensor Tensor)> State =>
        _rest.State.Concat(_parameters.Zip(_momenta).Where(pair => pair.Second is not null).Select(pair => ($"muon/{pair.First.Name}", pair.Second!)));

    public override void Apply(double learningRate, double gradientFactor, long step)
    {
        _rest.Apply(learningRate, gradientFactor, step);
        Parallel.For(0, _matrices.Length, _parallel, index =>
        {
            if (!_workplaces.TryTake(out Workplace? workplace))
            {
                workplace = new Workplace(new Orthogonaliser(_threadsOfEach), new float[_parameters[_matrices[0]].Weight.Shape.ElementCount]);
            }

            Apply(_matrices[index], workplace, (float)learningRate, (float)gradientFactor);
            _workplaces.Add(workplace);
        });
    }

    static bool Owns(TrainedParameter parameter) => parameter.Weight.Shape.Rank == 2 && ParameterRoles.Of(parameter) == ParameterRole.Matrix;

    void Apply(int index, Workplace workplace, float learningRate, float gradientFactor)
    {
        TrainedParameter parameter = _parameters[index];
        (int rows, int columns) = (parameter.Weight.Shape[0].Size, parameter.Weight.Shape[1].Size);
        Span<float> weights = parameter.Weight.View.Floats;
        Span<float> direction = workplace.Direction.AsSpan(0, weights.Length);
        Nesterov(parameter.Gradient.View.Floats, gradientFactor, (float)_options.Momentum, _momenta[index]!.View.Floats, direction);
        workplace.Orthogonaliser.Apply(direction, rows, columns);
        float rate = learningRate * 0.2f * MathF.Sqrt(Math.Max(rows, columns));
        Move(direction, rate, (float)(1 - (learningRate * _options.WeightDecay)), weights);
    }

    static void Nesterov(ReadOnlySpan<float> gradients, float factor, float keep, Span<float> momentum, Span<float> direction)
    {
        ReadOnlySpan<Vector512<float>> wideGradients = MemoryMarshal.Cast<float, Vector512<float>>(gradients);
        Span<Vector512<float>> wideMomentum = MemoryMarshal.Cast<float, Vector512<float>>(momentum);
        Span<Vector512<float>> wide = MemoryMarshal.Cast<float, Vector512<float>>(direction);
        for (int i = 0; i < wide.Length; i++)
        {
            Vector512<float> gradient = wideGradients[i] * factor;
            wideMomentum[i] = (wideMomentum[i] * keep) + gradient;
            wide[i] = gradient + (wideMomentum[i] * keep);
        }

        for (int i = wide.Length * Vector512<float>.Count; i < direction.Length; i++)
        {
            float gradient = gradients[i] * factor;
            momentum[i] = (momentum[i] * keep) + gradient;
            direction[i] = gradient + (momentum[i] * keep);
        }
    }

    static void Move(ReadOnlySpan<float> direction, float rate, float stay, Span<float> weights)
    {
        ReadOnlySpan<Vector512<float>> wideDirection = MemoryMarshal.Cast<float, Vector512<float>>(direction);
        Span<Vector512<float>> wide = MemoryMarshal.Cast<float, Vector512<float>>(weights);
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = (wide[i] * stay) - (wideDirection[i] * rate);
        }

        for (int i = wide.Length * Vector512<float>.Count; i < weights.Length; i++)
        {
            weights[i] = (weights[i] * stay) - (direction[i] * rate);
        }
    }

    /// <summary>What one thread orthogonalises with.</summary>
    sealed record Workplace(Orthogonaliser Orthogonaliser, float[] Direction);
}
