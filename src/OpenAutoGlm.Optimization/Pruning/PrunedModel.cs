using System.Collections.Immutable;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>A model with parts of it gone: smaller shapes, which any engine runs faster, and which can be written to a file.</summary>
/// <param name="Config">What it is now.</param>
/// <param name="Weights">Its weights; what was not touched is the source's, which must live as long.</param>
/// <param name="Removed">What is gone, under the source's numbers.</param>
public sealed record PrunedModel(ModelConfig Config, IWeights Weights, ImmutableArray<PrunableUnit> Removed)
{
    /// <summary>The share of the layers' weights that is zero; null where none were set.</summary>
    public double? Zeros { get; init; }
}
