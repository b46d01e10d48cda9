using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Weights;

/// <summary>
/// The weights of a model with some of them replaced: how a model would be with this tensor in another format, pruned, or
/// trained, without writing a file. The source stays as it is and must live as long.
/// </summary>
public sealed class WeightOverlay(IWeights source) : IWeights
{
    readonly Dictionary<string, Tensor> _replaced = new(StringComparer.Ordinal);

    /// <summary>What has been replaced, by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Replaced => _replaced;

    /// <summary>Puts a tensor in place of the weight of that name, or adds one that the source lacks.</summary>
    public void Replace(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _replaced[name] = tensor;
    }

    /// <summary>Takes a replacement back: the source's weight stands again.</summary>
    public void Restore(string name) => _replaced.Remove(name);

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _replaced.TryGetValue(name, out weight) || source.TryGet(name, out weight);

    /// <inheritdoc/>
    public Tensor Get(string name) => _replaced.TryGetValue(name, out Tensor? tensor) ? tensor : source.Get(name);
}
