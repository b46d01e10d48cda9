using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>What a unit is.</summary>
public enum UnitKind
{
    /// <summary>A query head.</summary>
    Head,

    /// <summary>A key and value head with all query heads that share it.</summary>
    KvGroup,

    /// <summary>A channel of the dense feed-forward network: a row of gate and up, a column of down.</summary>
    Channel,

    /// <summary>An expert.</summary>
    Expert,

    /// <summary>A whole layer: attention and feed-forward network.</summary>
    Layer,
}

/// <summary>A part of a model that can be taken out.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Layer">Its layer.</param>
/// <param name="Index">Its number within the layer; 0 for a layer.</param>
public readonly record struct PrunableUnit(UnitKind Kind, int Layer, int Index)
{
    /// <inheritdoc/>
    public override string ToString() => Kind == UnitKind.Layer ? $"layer {Layer}" : $"layer {Layer} {Kind.ToString().ToLowerInvariant()} {Index}";

    /// <summary>All units of a kind, layer by layer.</summary>
    public static IEnumerable<PrunableUnit> Of(ModelConfig config, UnitKind kind)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Enumerable.Range(0, config.Layers).SelectMany(layer => Enumerable.Range(0, CountIn(config, kind, layer)).Select(index => new PrunableUnit(kind, layer, index)));
    }

    static int CountIn(ModelConfig config, UnitKind kind, int layer)
    {
        bool dense = config.Experts is not { } experts || layer < experts.DenseLayers;
        return kind switch
        {
            UnitKind.Head => config.Heads,
            UnitKind.KvGroup => config.KvHeads,
            UnitKind.Channel => dense ? config.Inner : 0,
            UnitKind.Expert => dense ? 0 : config.Experts!.Count,
            _ => 1,
        };
    }
}
