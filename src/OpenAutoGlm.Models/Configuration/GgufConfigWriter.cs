using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>Writes hyper-parameters under the keys that <see cref="GgufConfig"/> reads.</summary>
public static class GgufConfigWriter
{
    /// <summary>Adds general.architecture and the keys of the architecture.</summary>
    /// <exception cref="ArgumentException">The architecture turns other pairs in GGUF files: rows of q and k would have to be reordered first.</exception>
    public static void Write(GgufWriter writer, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(config);
        (string name, Graph.Ops.RopePairing pairing) = GgufConfig.NameOf(config.Architecture);
        if (config.Rope.Pairing != pairing)
        {
            throw new ArgumentException($"{name} turns {pairing} pairs in GGUF files, but the configuration says {config.Rope.Pairing}.", nameof(config));
        }

        writer.Add("general.architecture", name);
        writer.Add($"{name}.block_count", (uint)config.Layers);
        writer.Add($"{name}.context_length", (uint)config.ContextLength);
        writer.Add($"{name}.embedding_length", (uint)config.Hidden);
        writer.Add($"{name}.feed_forward_length", (uint)config.Inner);
        writer.Add($"{name}.attention.head_count", (uint)config.Heads);
        writer.Add($"{name}.attention.head_count_kv", (uint)config.KvHeads);
        writer.Add($"{name}.attention.key_length", (uint)config.HeadDim);
        writer.Add($"{name}.attention.value_length", (uint)config.HeadDim);
        writer.Add($"{name}.attention.layer_norm_rms_epsilon", config.NormEpsilon);
        writer.Add($"{name}.rope.freq_base", config.Rope.Base);
        writer.Add($"{name}.rope.dimension_count", (uint)config.Rope.Dims);
        writer.Add($"{name}.vocab_size", (uint)config.Vocab);
        if (config.Rope.PositionScale != 1)
        {
            writer.Add($"{name}.rope.scaling.type", "linear");
            writer.Add($"{name}.rope.scaling.factor", 1 / config.Rope.PositionScale);
        }

        if (config.SlidingWindow > 0)
        {
            writer.Add($"{name}.attention.sliding_window", (uint)config.SlidingWindow);
        }

        if (config.Experts is { } experts)
        {
            Write(writer, name, experts);
        }
    }

    static void Write(GgufWriter writer, string name, ExpertsConfig experts)
    {
        writer.Add($"{name}.expert_count", (uint)experts.Count);
        writer.Add($"{name}.expert_used_count", (uint)experts.Used);
        writer.Add($"{name}.expert_feed_forward_length", (uint)experts.Inner);
        writer.Add($"{name}.expert_shared_count", (uint)(experts.SharedInner / experts.Inner));
        writer.Add($"{name}.leading_dense_block_count", (uint)experts.DenseLayers);
        writer.Add($"{name}.expert_gating_func", name == "glm4moe" ? 2u : 1u);
        writer.Add($"{name}.expert_weights_norm", experts.Renormalise);
        writer.Add($"{name}.expert_weights_scale", experts.Scale);
    }
}
