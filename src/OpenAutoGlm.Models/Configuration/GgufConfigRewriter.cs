using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>Copies the metadata of a GGUF file, with those hyper-parameters changed that a model no longer has.</summary>
static class GgufConfigRewriter
{
    /// <summary>Copies all but the keys that belong to a file as a file, and those that the caller writes anew.</summary>
    /// <param name="writer">The new file.</param>
    /// <param name="metadata">The old file's metadata.</param>
    /// <param name="from">What the old file says.</param>
    /// <param name="to">What the new one is to say.</param>
    /// <param name="except">Keys that the caller writes.</param>
    /// <exception cref="ArgumentException">The two models differ in what no pruning or training changes.</exception>
    public static void Copy(GgufWriter writer, GgufMetadata metadata, ModelConfig from, ModelConfig to, IReadOnlySet<string> except)
    {
        if ((from.Architecture, from.Hidden, from.Vocab, from.Rope.Pairing, from.Rope.Dims) != (to.Architecture, to.Hidden, to.Vocab, to.Rope.Pairing, to.Rope.Dims))
        {
            throw new ArgumentException($"The new model ({to.Architecture}, {to.Hidden} wide, {to.Vocab} tokens, {to.Rope}) is no variant of {metadata.File} ({from.Architecture}, {from.Hidden} wide, {from.Vocab} tokens, {from.Rope}).", nameof(to));
        }

        string name = GgufConfig.NameOf(to.Architecture).Name;
        Dictionary<string, Action<string>> changed = Changes(writer, from, to).ToDictionary(change => $"{name}.{change.Field}", change => change.Add, StringComparer.Ordinal);
        string lost = from.Layers == to.Layers ? "" : $"{name}.nextn_predict_layers";
        foreach (string key in metadata.Keys)
        {
            bool isOfTheFile = key == GgufFile.AlignmentKey || key.StartsWith("split.", StringComparison.Ordinal);
            if (isOfTheFile || key == lost || except.Contains(key))
            {
                continue;
            }

            if (changed.Remove(key, out Action<string>? add))
            {
                add(key);
            }
            else
            {
                writer.Copy(metadata, key);
            }
        }

        foreach ((string key, Action<string> add) in changed)
        {
            add(key);
        }
    }

    static IEnumerable<(string Field, Action<string> Add)> Changes(GgufWriter writer, ModelConfig from, ModelConfig to)
    {
        List<(string, Action<string>)> changes = [];
        void Count(string field, int old, int now, bool always = false)
        {
            if (old != now || always)
            {
                changes.Add((field, key => writer.Add(key, (uint)now)));
            }
        }

        void Number(string field, float old, float now)
        {
            if (old != now)
            {
                changes.Add((field, key => writer.Add(key, now)));
            }
        }

        // The width of a head may follow from the number of heads, so where that changes it has to be stated.
        bool heads = from.Heads != to.Heads || from.HeadDim != to.HeadDim;
        Count("block_count", from.Layers, to.Layers);
        Count("feed_forward_length", from.Inner, to.Inner);
        Count("attention.head_count", from.Heads, to.Heads);
        Count("attention.head_count_kv", from.KvHeads, to.KvHeads, always: heads);
        Count("attention.key_length", from.HeadDim, to.HeadDim, always: heads);
        Count("attention.value_length", from.HeadDim, to.HeadDim, always: heads);
        Count("rope.dimension_count", from.Rope.Dims, to.Rope.Dims, always: heads);
        Count("context_length", from.ContextLength, to.ContextLength);
        Count("attention.sliding_window", from.SlidingWindow, to.SlidingWindow);
        Number("attention.layer_norm_rms_epsilon", from.NormEpsilon, to.NormEpsilon);
        Number("rope.freq_base", from.Rope.Base, to.Rope.Base);
        if (from.Rope.PositionScale != to.Rope.PositionScale)
        {
            changes.Add(("rope.scaling.type", key => writer.Add(key, "linear")));
            changes.Add(("rope.scaling.factor", key => writer.Add(key, 1 / to.Rope.PositionScale)));
        }

        if (from.Experts is { } old && to.Experts is { } now)
        {
            Count("expert_count", old.Count, now.Count);
            Count("expert_used_count", old.Used, now.Used, always: old.Count != now.Count);
            Count("expert_feed_forward_length", old.Inner, now.Inner, always: old != now);
            Count("expert_shared_count", old.SharedInner / old.Inner, now.SharedInner / now.Inner);
            Count("leading_dense_block_count", old.DenseLayers, now.DenseLayers);
        }

        return changes;
    }
}
