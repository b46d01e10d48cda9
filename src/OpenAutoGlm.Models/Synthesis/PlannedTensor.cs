using System.Collections.Immutable;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>What a made-up tensor is for, and so how its elements are drawn.</summary>
enum TensorRole
{
    /// <summary>Normal with variance 1 / (length of a row), so that products keep the scale of what goes in.</summary>
    Matrix,

    /// <summary>The same, but rows of unused token ids are zero, so that the model says what its tokenizer can spell.</summary>
    Vocabulary,

    /// <summary>Near 1.</summary>
    Norm,

    /// <summary>Near 0.</summary>
    Bias,

    /// <summary>A router: like a matrix, but never quantised.</summary>
    Router,
}

/// <summary>A tensor of a model that is to be made.</summary>
/// <param name="Name">The name in the GGUF file.</param>
/// <param name="Role">How the elements are drawn.</param>
/// <param name="Layer">The layer; −1 outside the layers.</param>
/// <param name="Extents">Extents, slowest first.</param>
sealed record PlannedTensor(string Name, TensorRole Role, int Layer, ImmutableArray<int> Extents)
{
    /// <summary>The name without layer and ending, such as attn_v.</summary>
    public string Kind => Name.Split('.')[^2];

    /// <summary>All tensors of a model of this shape, in the order of the file.</summary>
    public static IEnumerable<PlannedTensor> For(ModelShape shape)
    {
        ModelConfig config = shape.Config;
        yield return new("token_embd.weight", TensorRole.Vocabulary, -1, [config.Vocab, config.Hidden]);
        yield return new("output_norm.weight", TensorRole.Norm, -1, [config.Hidden]);
        if (!config.TiedEmbeddings)
        {
            yield return new("output.weight", TensorRole.Vocabulary, -1, [config.Vocab, config.Hidden]);
        }

        for (int layer = 0; layer < config.Layers; layer++)
        {
            foreach ((string name, TensorRole role, int[] extents) in Attention(shape).Concat(FeedForward(config, layer)))
            {
                yield return new($"blk.{layer}.{name}", role, layer, [.. extents]);
            }
        }
    }

    static IEnumerable<(string, TensorRole, int[])> Attention(ModelShape shape)
    {
        ModelConfig config = shape.Config;
        (int queries, int keys) = (config.Heads * config.HeadDim, config.KvHeads * config.HeadDim);
        (string, int)[] projections = config.Architecture == "glm"
            ? [("attn_qkv", queries + (2 * keys))]
            : [("attn_q", queries), ("attn_k", keys), ("attn_v", keys)];
        yield return ("attn_norm.weight", TensorRole.Norm, [config.Hidden]);
        foreach ((string name, int rows) in projections)
        {
            yield return ($"{name}.weight", TensorRole.Matrix, [rows, config.Hidden]);
            if (shape.QkvBias)
            {
                yield return ($"{name}.bias", TensorRole.Bias, [rows]);
            }
        }

        yield return ("attn_output.weight", TensorRole.Matrix, [config.Hidden, queries]);
        if (shape.HeadNorms)
        {
            yield return ("attn_q_norm.weight", TensorRole.Norm, [config.HeadDim]);
            yield return ("attn_k_norm.weight", TensorRole.Norm, [config.HeadDim]);
        }
    }

    static IEnumerable<(string, TensorRole, int[])> FeedForward(ModelConfig config, int layer)
    {
        string[] norms = config.Architecture switch
        {
            "glm4" => ["post_attention_norm", "ffn_norm", "post_ffw_norm"],
            "glm4moe" => ["post_attention_norm"],
            _ => ["ffn_norm"],
        };
        foreach (string norm in norms)
        {
            yield return ($"{norm}.weight", TensorRole.Norm, [config.Hidden]);
        }

        if (config.Experts is not { } experts || layer < experts.DenseLayers)
        {
            bool fused = config.Architecture is "glm" or "glm4";
            foreach ((string, TensorRole, int[]) tensor in Gated("", config.Hidden, config.Inner, fused))
            {
                yield return tensor;
            }

            yield break;
        }

        yield return ("ffn_gate_inp.weight", TensorRole.Router, [experts.Count, config.Hidden]);
        if (config.Architecture == "glm4moe")
        {
            yield return ("exp_probs_b.bias", TensorRole.Bias, [experts.Count]);
        }

        yield return ("ffn_gate_exps.weight", TensorRole.Matrix, [experts.Count, experts.Inner, config.Hidden]);
        yield return ("ffn_up_exps.weight", TensorRole.Matrix, [experts.Count, experts.Inner, config.Hidden]);
        yield return ("ffn_down_exps.weight", TensorRole.Matrix, [experts.Count, config.Hidden, experts.Inner]);
        if (experts.SharedInner > 0)
        {
            foreach ((string, TensorRole, int[]) tensor in Gated("_shexp", config.Hidden, experts.SharedInner, fused: false))
            {
                yield return tensor;
            }
        }
    }

    static IEnumerable<(string, TensorRole, int[])> Gated(string suffix, int hidden, int inner, bool fused)
    {
        if (!fused)
        {
            yield return ($"ffn_gate{suffix}.weight", TensorRole.Matrix, [inner, hidden]);
        }

        yield return ($"ffn_up{suffix}.weight", TensorRole.Matrix, [fused ? 2 * inner : inner, hidden]);
        yield return ($"ffn_down{suffix}.weight", TensorRole.Matrix, [hidden, inner]);
    }
}
