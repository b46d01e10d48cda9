using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>
/// Takes units out of a model, so that its matrices shrink. A configuration has one width for all layers, so as many channels,
/// heads and experts go from every layer, in each those that matter least; and what is left divides evenly.
/// </summary>
public static class StructuredPruning
{
    // Kernels unpack weights in runs of 32 columns; fewer would be padded, and save nothing.
    const int ChannelMultiple = 32;

    /// <summary>Takes layers out.</summary>
    /// <exception cref="ArgumentException">There are no such layers, or none would be left.</exception>
    public static PrunedModel WithoutLayers(ModelConfig config, IWeights weights, IReadOnlyCollection<int> layers)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(layers);
        if (layers.Any(layer => layer < 0 || layer >= config.Layers) || layers.Distinct().Count() >= config.Layers)
        {
            throw new ArgumentException($"Of layers 0 to {config.Layers - 1} some can be taken out, and one must be left; [{string.Join(", ", layers)}] cannot.", nameof(layers));
        }

        int[] kept = [.. Enumerable.Range(0, config.Layers).Where(layer => !layers.Contains(layer))];
        ExpertsConfig? experts = config.Experts is { } old ? old with { DenseLayers = kept.Count(layer => layer < old.DenseLayers) } : null;
        return new PrunedModel(config with { Layers = kept.Length, Experts = experts }, new RenumberedLayers(weights, kept), [.. layers.Distinct().Order().Select(layer => new PrunableUnit(UnitKind.Layer, layer, 0))]);
    }

    /// <summary>
    /// How many channels can be kept if at most so many are wanted: a multiple of 32 and of the blocks in which down is stored
    /// (256 for K-quants), or all; at least one multiple.
    /// </summary>
    public static int ChannelsToKeep(ModelConfig config, IWeights weights, int wanted)
    {
        ArgumentNullException.ThrowIfNull(config);
        int multiple = ChannelMultiple;
        for (int layer = 0; layer < config.Layers; layer++)
        {
            if (weights.TryGet($"blk.{layer}.ffn_down.weight", out Tensor? down))
            {
                multiple = Math.Max(multiple, BlockFormat.Of(down.Format).BlockElements);
            }
        }

        return wanted >= config.Inner ? config.Inner : Math.Min(config.Inner, Math.Max(multiple, wanted / multiple * multiple));
    }

    /// <summary>Keeps the most important channels of every dense feed-forward network.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="importance">Importance of every channel.</param>
    /// <param name="count">Channels to keep in each; see <see cref="ChannelsToKeep"/>.</param>
    /// <exception cref="NotSupportedException">The columns that are left make no whole blocks.</exception>
    public static PrunedModel WithChannels(ModelConfig config, IWeights weights, Func<PrunableUnit, double> importance, int count)
    {
        ArgumentNullException.ThrowIfNull(config);
        WeightOverlay overlay = new(weights);
        List<PrunableUnit> removed = [];
        foreach (var (layer, kept) in Chosen(config, UnitKind.Channel, importance, count, config.Inner, removed))
        {
            string blk = $"blk.{layer}.";
            bool fused = !weights.TryGet(blk + "ffn_gate.weight", out Tensor? gate);
            Replace(overlay, blk + "ffn_up.weight", up => KeptParts.Rows(up, fused ? [.. kept, .. kept.Select(row => row + config.Inner)] : kept));
            if (!fused)
            {
                overlay.Replace(blk + "ffn_gate.weight", KeptParts.Rows(gate!, kept));
            }

            Replace(overlay, blk + "ffn_down.weight", down => KeptParts.Columns(blk + "ffn_down.weight", down, kept));
        }

        return new PrunedModel(config with { Inner = count }, overlay, [.. removed]);
    }

    /// <summary>Keeps the most important key and value heads of every layer, each with all its query heads.</summary>
    /// <exception cref="NotSupportedException">The columns of the output projection that are left make no whole blocks.</exception>
    public static PrunedModel WithKvGroups(ModelConfig config, IWeights weights, Func<PrunableUnit, double> importance, int count)
    {
        ArgumentNullException.ThrowIfNull(config);
        int group = config.Heads / config.KvHeads;
        WeightOverlay overlay = new(weights);
        List<PrunableUnit> removed = [];
        foreach (var (layer, kept) in Chosen(config, UnitKind.KvGroup, importance, count, config.KvHeads, removed))
        {
            CutHeads(config, overlay, layer, [.. kept.SelectMany(kv => Enumerable.Range(kv * group, group))], kept);
        }

        return new PrunedModel(config with { Heads = count * group, KvHeads = count }, overlay, [.. removed]);
    }

    /// <summary>Keeps the most important query heads of every key and value head, as many of each, so that heads still divide evenly.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="importance">Importance of every head.</param>
    /// <param name="count">Query heads to keep in a layer: a multiple of its key and value heads.</param>
    /// <exception cref="ArgumentException">So many heads do not divide evenly.</exception>
    public static PrunedModel WithHeads(ModelConfig config, IWeights weights, Func<PrunableUnit, double> importance, int count)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(importance);
        if (count <= 0 || count > config.Heads || count % config.KvHeads != 0)
        {
            throw new ArgumentException($"{count} query heads cannot be shared out evenly among {config.KvHeads} key and value heads; keep a multiple of {config.KvHeads} up to {config.Heads}, or take whole groups out.", nameof(count));
        }

        (int group, int keep) = (config.Heads / config.KvHeads, count / config.KvHeads);
        WeightOverlay overlay = new(weights);
        List<PrunableUnit> removed = [];
        for (int layer = 0; layer < config.Layers; layer++)
        {
            int[] kept = [.. Enumerable.Range(0, config.KvHeads).SelectMany(kv => Best(Enumerable.Range(kv * group, group), head => importance(new(UnitKind.Head, layer, head)), keep))];
            removed.AddRange(Enumerable.Range(0, config.Heads).Except(kept).Select(head => new PrunableUnit(UnitKind.Head, layer, head)));
            CutHeads(config, overlay, layer, kept, [.. Enumerable.Range(0, config.KvHeads)]);
        }

        return new PrunedModel(config with { Heads = count }, overlay, [.. removed]);
    }

    /// <summary>Keeps the most important experts of every layer that has some, and their rows of the router.</summary>
    /// <exception cref="ArgumentException">The model has no experts, or fewer would be left than a token visits.</exception>
    public static PrunedModel WithExperts(ModelConfig config, IWeights weights, Func<PrunableUnit, double> importance, int count)
    {
        ArgumentNullException.ThrowIfNull(config);
        ExpertsConfig experts = config.Experts ?? throw new ArgumentException("The model has no experts.", nameof(config));
        if (count < experts.Used)
        {
            throw new ArgumentException($"A token visits {experts.Used} experts, so {count} are too few; keep {experts.Used} to {experts.Count}.", nameof(count));
        }

        WeightOverlay overlay = new(weights);
        List<PrunableUnit> removed = [];
        foreach (var (layer, kept) in Chosen(config, UnitKind.Expert, importance, count, experts.Count, removed))
        {
            string blk = $"blk.{layer}.";
            foreach (string name in new[] { "ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight" })
            {
                Replace(overlay, blk + name, stack => KeptParts.Experts(stack, kept));
            }

            Replace(overlay, blk + "ffn_gate_inp.weight", router => KeptParts.Rows(router, kept));
            Replace(overlay, blk + "exp_probs_b.bias", bias => KeptParts.Rows(bias, kept));
        }

        return new PrunedModel(config with { Experts = experts with { Count = count } }, overlay, [.. removed]);
    }

    static void CutHeads(ModelConfig config, WeightOverlay overlay, int layer, int[] queryHeads, int[] kvHeads)
    {
        string blk = $"blk.{layer}.";
        int[] queries = RowsOf(queryHeads, config.HeadDim);
        int[] keys = RowsOf(kvHeads, config.HeadDim);
        int firstKey = config.Heads * config.HeadDim, firstValue = firstKey + (config.KvHeads * config.HeadDim);
        int[] fused = [.. queries, .. keys.Select(row => row + firstKey), .. keys.Select(row => row + firstValue)];
        foreach ((string name, int[] rows) in new[] { ("attn_q", queries), ("attn_k", keys), ("attn_v", keys), ("attn_qkv", fused) })
        {
            Replace(overlay, $"{blk}{name}.weight", weight => KeptParts.Rows(weight, rows));
            Replace(overlay, $"{blk}{name}.bias", bias => KeptParts.Rows(bias, rows));
        }

        Replace(overlay, $"{blk}attn_output.weight", output => KeptParts.Columns($"{blk}attn_output.weight", output, queries));
    }

    static IEnumerable<(int Layer, int[] Kept)> Chosen(ModelConfig config, UnitKind kind, Func<PrunableUnit, double> importance, int count, int all, List<PrunableUnit> removed)
    {
        ArgumentNullException.ThrowIfNull(importance);
        if (count <= 0 || count > all)
        {
            throw new ArgumentException($"{count} of {all} cannot be kept.", nameof(count));
        }

        foreach (IGrouping<int, PrunableUnit> units in PrunableUnit.Of(config, kind).GroupBy(unit => unit.Layer))
        {
            int[] kept = Best(units.Select(unit => unit.Index), index => importance(new(kind, units.Key, index)), count);
            removed.AddRange(units.Where(unit => Array.BinarySearch(kept, unit.Index) < 0));
            yield return (units.Key, kept);
        }
    }

    /// <summary>The most important, in their old order; of equals the first.</summary>
    static int[] Best(IEnumerable<int> indices, Func<int, double> importance, int count) =>
        [.. indices.Select(index => (index, Value: importance(index))).OrderByDescending(pair => pair.Value).ThenBy(pair => pair.index).Take(count).Select(pair => pair.index).Order()];

    static int[] RowsOf(int[] heads, int headDim) => [.. heads.SelectMany(head => Enumerable.Range(head * headDim, headDim))];

    static void Replace(WeightOverlay overlay, string name, Func<Tensor, Tensor> change)
    {
        if (overlay.TryGet(name, out Tensor? weight))
        {
            overlay.Replace(name, change(weight));
        }
    }
}
