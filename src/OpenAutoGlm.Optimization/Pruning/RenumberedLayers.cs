using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>Weights of a model with some layers left out: blk.I is what blk.KEPT[I] was.</summary>
sealed class RenumberedLayers(IWeights source, IReadOnlyList<int> kept) : IWeights
{
    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight)
    {
        weight = null;
        return NameOf(name) is { } old && source.TryGet(old, out weight);
    }

    public Tensor Get(string name) => source.Get(NameOf(name) ?? name);

    string? NameOf(string name)
    {
        if (name.Split('.', 3) is not ["blk", string number, string rest])
        {
            return name;
        }

        return int.TryParse(number, out int layer) && layer < kept.Count ? $"blk.{kept[layer]}.{rest}" : null;
    }
}
