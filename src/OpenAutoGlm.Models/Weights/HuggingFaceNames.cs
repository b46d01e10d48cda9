using System.Collections.Frozen;

namespace OpenAutoGlm.Models.Weights;

/// <summary>
/// What the tensors of Hugging Face files are called here, as data. Names end in .weight or .bias, which are carried
/// over. The shapes are the same; fused matrices stay fused (q, k, v in attn_qkv; gate and up in ffn_up, gate first).
/// </summary>
sealed class HuggingFaceNames
{
    /// <summary>What stands before the layers: alone, below a vision or speech model, and in older files of those.</summary>
    static readonly string[] Prefixes = ["model.", "model.language_model.", "language_model.model.", "language_model.", ""];

    static readonly Dictionary<string, string> Attention = new()
    {
        ["input_layernorm"] = "attn_norm",
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.o_proj"] = "attn_output",
        ["self_attn.q_norm"] = "attn_q_norm",
        ["self_attn.k_norm"] = "attn_k_norm",
    };

    static readonly Dictionary<string, string> SplitFfn = new()
    {
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
    };

    static readonly Dictionary<string, string> FusedFfn = new()
    {
        ["mlp.gate_up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
    };

    static readonly Dictionary<string, string> Experts = new()
    {
        ["mlp.gate"] = "ffn_gate_inp",
        ["mlp.gate.e_score_correction_bias"] = "exp_probs_b.bias",
        ["mlp.experts.*.gate_proj"] = "ffn_gate_exps",
        ["mlp.experts.*.up_proj"] = "ffn_up_exps",
        ["mlp.experts.*.down_proj"] = "ffn_down_exps",
        ["mlp.shared_experts.gate_proj"] = "ffn_gate_shexp",
        ["mlp.shared_experts.up_proj"] = "ffn_up_shexp",
        ["mlp.shared_experts.down_proj"] = "ffn_down_shexp",
    };

    static readonly Dictionary<string, string> PreNorm = new() { ["post_attention_layernorm"] = "ffn_norm" };

    static readonly HuggingFaceNames Plain = new("layers.", "embed_tokens", "norm", "lm_head", Attention, SplitFfn, PreNorm);

    static readonly HuggingFaceNames Glm = new("layers.", "embed_tokens", "norm", "lm_head", Attention, FusedFfn, PreNorm);

    static readonly Dictionary<string, HuggingFaceNames> ByArchitecture = new()
    {
        ["llama"] = Plain,
        ["qwen2"] = Plain,
        ["qwen3"] = Plain,
        ["glm"] = Glm,
        ["glm4"] = new("layers.", "embed_tokens", "norm", "lm_head", Attention, FusedFfn, new Dictionary<string, string>
        {
            ["post_self_attn_layernorm"] = "post_attention_norm",
            ["post_attention_layernorm"] = "ffn_norm",
            ["post_mlp_layernorm"] = "post_ffw_norm",
        }),
        ["qwen3moe"] = new("layers.", "embed_tokens", "norm", "lm_head", Attention, SplitFfn, Experts, PreNorm),
        ["glm4moe"] = new("layers.", "embed_tokens", "norm", "lm_head", Attention, SplitFfn, Experts, new Dictionary<string, string>
        {
            ["post_attention_layernorm"] = "post_attention_norm",
        }),
    };

    /// <summary>The names of ChatGLM2, ChatGLM3 and GLM-4-9B as first published.</summary>
    static readonly HuggingFaceNames ChatGlm = new("encoder.layers.", "embedding.word_embeddings", "encoder.final_layernorm", "output_layer", new Dictionary<string, string>
    {
        ["input_layernorm"] = "attn_norm",
        ["self_attention.query_key_value"] = "attn_qkv",
        ["self_attention.dense"] = "attn_output",
        ["post_attention_layernorm"] = "ffn_norm",
        ["mlp.dense_h_to_4h"] = "ffn_up",
        ["mlp.dense_4h_to_h"] = "ffn_down",
    });

    readonly string _layers;
    readonly string _output;
    readonly FrozenDictionary<string, string> _inModel;
    readonly FrozenDictionary<string, string> _inLayer;
    readonly FrozenDictionary<string, string> _stored; // the way back, of all three

    HuggingFaceNames(string layers, string embedding, string norm, string output, params Dictionary<string, string>[] inLayer)
    {
        _layers = layers;
        _output = output;
        Embedding = embedding + ".weight";
        _inModel = new Dictionary<string, string> { [embedding] = "token_embd", [norm] = "output_norm", [output] = "output" }.ToFrozenDictionary();
        _inLayer = inLayer.SelectMany(table => table).ToFrozenDictionary();
        _stored = _inModel.Concat(_inLayer).ToFrozenDictionary(entry => entry.Value, entry => entry.Key);
    }

    /// <summary>The embedding table behind the prefix.</summary>
    public string Embedding { get; }

    /// <summary>The table by which files of an architecture are written; ChatGLM's own names are read only.</summary>
    /// <exception cref="NotSupportedException">The names are unknown.</exception>
    public static HuggingFaceNames For(string architecture) => ByArchitecture.GetValueOrDefault(architecture)
        ?? throw new NotSupportedException($"The names of {architecture} in safetensors files are unknown; known are {string.Join(", ", ByArchitecture.Keys)}.");

    /// <summary>Whether the table knows a weight without its layer and ending, such as attn_q.</summary>
    public bool Knows(string stem) => _stored.ContainsKey(stem);

    /// <summary>What a weight is called in a file; null if these files have no such weight.</summary>
    /// <param name="name">The name here.</param>
    /// <param name="prefix">What stands before the layers in the file.</param>
    /// <param name="expert">The expert whose matrix it is; −1 for a tensor of its own.</param>
    public string? Stored(string name, string prefix, int expert = -1)
    {
        if (name == "output.weight")
        {
            return _output + ".weight";
        }

        string[] parts = name.Split('.', 3);
        bool inLayer = parts is ["blk", _, _];
        if (Named(_stored, inLayer ? parts[2] : name) is not { } stored)
        {
            return null;
        }

        string numbered = expert < 0 ? stored : stored.Replace("*", expert.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
        return prefix + (inLayer ? $"{_layers}{parts[1]}." : "") + numbered;
    }

    /// <summary>The table for an architecture and the prefix, found by where the embedding table is.</summary>
    /// <exception cref="ModelFormatException">There is no embedding table.</exception>
    public static (HuggingFaceNames Names, string Prefix) For(string architecture, string file, Predicate<string> contains)
    {
        if (architecture == "glm" && contains("transformer." + ChatGlm.Embedding))
        {
            return (ChatGlm, "transformer.");
        }

        HuggingFaceNames names = ByArchitecture.GetValueOrDefault(architecture)
            ?? throw new ModelFormatException(file, "architecture", $"the names of {architecture} in safetensors files are unknown; known are {string.Join(", ", ByArchitecture.Keys)}.");
        string? prefix = Array.Find(Prefixes, prefix => contains(prefix + names.Embedding));
        return prefix is not null
            ? (names, prefix)
            : throw new ModelFormatException(file, "model." + names.Embedding, "the embedding table is missing.");
    }

    /// <summary>What a tensor is called here; null if it is none of the language model's weights.</summary>
    /// <param name="stored">The name in the file.</param>
    /// <param name="prefix">What stands before the layers in this file.</param>
    /// <param name="expert">The number of the expert that this is a matrix of; −1 for a tensor of its own.</param>
    public string? Translate(string stored, string prefix, out int expert)
    {
        expert = -1;

        // The output projection stands beside the model, not within, except in ChatGLM and in some vision models.
        if (stored == _output + ".weight" || stored == $"language_model.{_output}.weight")
        {
            return "output.weight";
        }

        if (!stored.StartsWith(prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string rest = stored[prefix.Length..];
        if (!rest.StartsWith(_layers, StringComparison.Ordinal))
        {
            return Named(_inModel, rest);
        }

        string[] parts = rest[_layers.Length..].Split('.', 2);
        if (parts.Length != 2 || Index(parts[0]) is not { } layer)
        {
            return null;
        }

        string inLayer = parts[1];
        string[] words = inLayer.Split('.');
        if (words is ["mlp", "experts", _, ..] && Index(words[2]) is { } number)
        {
            expert = number;
            words[2] = "*";
            inLayer = string.Join('.', words);
        }

        return Named(_inLayer, inLayer) is { } name ? $"blk.{layer}.{name}" : null;
    }

    /// <summary>Looks a name up without its ending and puts the ending back; or whole, where the ending is none of the usual two.</summary>
    static string? Named(FrozenDictionary<string, string> table, string name)
    {
        if (table.TryGetValue(name, out string? whole))
        {
            return whole;
        }

        int dot = name.LastIndexOf('.');
        return dot > 0 && name[dot..] is ".weight" or ".bias" && table.TryGetValue(name[..dot], out string? stem) ? stem + name[dot..] : null;
    }

    /// <summary>A number written as the field writes it: digits without a leading zero.</summary>
    static int? Index(string text) =>
        text.Length is > 0 and < 7 && text.All(char.IsAsciiDigit) && (text.Length == 1 || text[0] != '0') ? int.Parse(text) : null;
}
