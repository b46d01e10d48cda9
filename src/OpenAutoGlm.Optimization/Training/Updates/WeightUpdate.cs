using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>A rule at work on a model's parameters: it remembers moments and changes weights. Not thread-safe.</summary>
abstract class WeightUpdate
{
    /// <summary>What the rule remembers, by names that a checkpoint keeps.</summary>
    public abstract IEnumerable<(string Name, Tensor Tensor)> State { get; }

    /// <summary>The update that the options ask for.</summary>
    public static WeightUpdate Create(UpdateOptions options, IReadOnlyList<TrainedParameter> parameters, ParameterPieces pieces, int threads)
    {
        options.Check();
        return options.Rule == UpdateRule.Muon ? new MuonUpdate(options, parameters, pieces, threads) : new AdamWUpdate(options, parameters, pieces, _ => true);
    }

    /// <summary>Changes the weights by their gradients.</summary>
    /// <param name="learningRate">η of this step.</param>
    /// <param name="gradientFactor">What every gradient is multiplied by: clipping, and the inverse of a loss scale.</param>
    /// <param name="step">Number of this update, from 1.</param>
    public abstract void Apply(double learningRate, double gradientFactor, long step);

    private protected static Tensor Like(TrainedParameter parameter) => Tensor.Allocate(TensorFormat.F32, parameter.Weight.Shape.Dims.AsSpan());
}
