using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Weights;

/// <summary>Notes which weights a model is made of, by building its graph: so a file holds what the graph reads, no more and no less.</summary>
sealed class WeightRecord(IWeights source) : IWeights
{
    readonly List<string> _names = [];
    readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    /// <summary>The names of the weights that a model reads, in the order of its graph.</summary>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the configuration says.</exception>
    public static IReadOnlyList<string> Of(ModelConfig config, IWeights weights)
    {
        WeightRecord record = new(weights);
        Architecture.Build(config, record, new GraphOptions());
        return record._names;
    }

    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight)
    {
        if (!source.TryGet(name, out weight))
        {
            return false;
        }

        if (_seen.Add(name))
        {
            _names.Add(name);
        }

        return true;
    }

    public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : source.Get(name);
}
