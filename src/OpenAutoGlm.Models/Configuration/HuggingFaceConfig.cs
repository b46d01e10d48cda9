using System.Text.Json;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>
/// Reads a config.json in Hugging Face's style: flat, or with the language model under text_config; rotary settings
/// flat, under rope_scaling or under rope_parameters.
/// </summary>
public static class HuggingFaceConfig
{
    static readonly Family[] Families =
    [
        new("llama", "llama", RopePairing.Half),
        new("mistral", "llama", RopePairing.Half, KvHeads: 8, SlidingWindow: Window.Always),
        new("qwen2", "qwen2", RopePairing.Half, SlidingWindow: Window.WhenUsed),
        new("qwen3", "qwen3", RopePairing.Half, HeadDim: 128, SlidingWindow: Window.WhenUsed),
        new("qwen3_moe", "qwen3moe", RopePairing.Half, SlidingWindow: Window.WhenUsed),
        new("glm", "glm", RopePairing.Interleaved, HeadDim: 128, Partial: 0.5f),
        new("glm4", "glm4", RopePairing.Interleaved, HeadDim: 128, Partial: 0.5f),
        new("glm4v", "glm4", RopePairing.Interleaved, Partial: 0.5f),
        new("glm4v_text", "glm4", RopePairing.Interleaved, Partial: 0.5f),
        new("glm4_moe", "glm4moe", RopePairing.Half, Partial: 0.5f),
    ];

    enum Window
    {
        Never,
        Always,
        WhenUsed,
    }

    /// <summary>The values of model_type that are supported.</summary>
    public static IEnumerable<string> Supported => Families.Select(family => family.ModelType).Append(ChatGlmConfig.ModelType);

    /// <summary>Reads the configuration of a language model.</summary>
    /// <exception cref="ModelFormatException">A field is missing, out of bounds or of another type, or the model is not supported.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static ModelConfig Read(string path)
    {
        using JsonDocument document = JsonFile.ReadObject(path);
        JsonFields root = new(path, document.RootElement);
        return Read(root.Object("text_config", inherits: true) ?? root);
    }

    internal static ModelConfig Read(JsonFields fields)
    {
        string modelType = fields.Text("model_type") ?? throw fields.Error("model_type", "is missing.");
        if (modelType == ChatGlmConfig.ModelType)
        {
            return ChatGlmConfig.Read(fields);
        }

        Family family = Families.FirstOrDefault(family => family.ModelType == modelType)
            ?? throw fields.Error("model_type", $"'{modelType}' is not supported; supported are {string.Join(", ", Supported)}.");
        if (fields.Text("hidden_act") is { } activation && activation is not ("silu" or "swish"))
        {
            throw fields.Error("hidden_act", $"'{activation}' is not supported; these models use silu.");
        }

        int hidden = fields.Count("hidden_size", ConfigFields.MaxWidth);
        int heads = fields.Count("num_attention_heads", ConfigFields.MaxHeads);
        int headDim = fields.Count("head_dim", ConfigFields.MaxHeadDim, family.HeadDim ?? Math.Max(hidden / heads, 1));
        int layers = fields.Count("num_hidden_layers", ConfigFields.MaxLayers);
        ModelConfig config = new()
        {
            Architecture = family.Architecture,
            Layers = layers,
            Hidden = hidden,
            Heads = heads,
            KvHeads = fields.Count("num_key_value_heads", ConfigFields.MaxHeads, family.KvHeads ?? heads),
            HeadDim = headDim,
            Inner = fields.Count("intermediate_size", ConfigFields.MaxInner),
            Vocab = fields.Count("vocab_size", ConfigFields.MaxVocab),
            ContextLength = fields.Count("max_position_embeddings", ConfigFields.MaxContext),
            NormEpsilon = fields.Positive("rms_norm_eps", 1),
            Rope = HuggingFaceRope.Read(fields, family.Pairing, headDim, family.Partial),
            Experts = HuggingFaceExperts.Read(fields, family.Architecture, layers),
            SlidingWindow = SlidingWindow(fields, family, layers),
            TiedEmbeddings = fields.Bool("tie_word_embeddings", whenAbsent: false),
        };
        return ConfigRules.Checked(config, fields, "num_key_value_heads", "head_dim", "partial_rotary_factor");
    }

    static int SlidingWindow(JsonFields fields, Family family, int layers)
    {
        int window = fields.CountOrZero("sliding_window", ConfigFields.MaxContext);
        if (window == 0 || family.SlidingWindow == Window.Never
            || (family.SlidingWindow == Window.WhenUsed && !fields.Bool("use_sliding_window", whenAbsent: false)))
        {
            return 0;
        }

        // In Qwen models only the layers from max_window_layers on have the window.
        int full = family.SlidingWindow == Window.WhenUsed ? fields.CountOrZero("max_window_layers", ConfigFields.MaxLayers) : 0;
        return full == 0 ? window
            : full >= layers ? 0
            : throw fields.Error("max_window_layers", $"is {full} of {layers}; a sliding window in some of the layers is not supported.");
    }

    sealed record Family(
        string ModelType,
        string Architecture,
        RopePairing Pairing,
        int? HeadDim = null,
        int? KvHeads = null,
        float Partial = 1,
        Window SlidingWindow = Window.Never);
}
