using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>Writes hyper-parameters as the config.json that <see cref="HuggingFaceConfig"/> reads, and Hugging Face's own code too.</summary>
public static class HuggingFaceConfigWriter
{
    static readonly Dictionary<string, (string ModelType, string Class)> Types = new()
    {
        ["llama"] = ("llama", "LlamaForCausalLM"),
        ["qwen2"] = ("qwen2", "Qwen2ForCausalLM"),
        ["qwen3"] = ("qwen3", "Qwen3ForCausalLM"),
        ["qwen3moe"] = ("qwen3_moe", "Qwen3MoeForCausalLM"),
        ["glm"] = ("glm", "GlmForCausalLM"),
        ["glm4"] = ("glm4", "Glm4ForCausalLM"),
        ["glm4moe"] = ("glm4_moe", "Glm4MoeForCausalLM"),
    };

    // What other layouts call the same things, and what depends on the number of layers.
    static readonly string[] Superseded = ["rope_parameters", "quantization_config", "layer_types", "num_local_experts"];

    /// <summary>The pairs that turn in Hugging Face's files of an architecture.</summary>
    internal static RopePairing PairingOf(string architecture) => architecture is "glm" or "glm4" ? RopePairing.Interleaved : RopePairing.Half;

    /// <summary>The configuration as JSON.</summary>
    /// <param name="config">The hyper-parameters; the rotary pairs are taken to be those of Hugging Face's files.</param>
    /// <param name="original">The object whose other members are kept; null for none.</param>
    /// <exception cref="NotSupportedException">Such a model cannot be said in a config.json.</exception>
    public static JsonObject Write(ModelConfig config, JsonObject? original = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        (string modelType, string className) = Types.GetValueOrDefault(config.Architecture) is { ModelType: not null } known
            ? known
            : throw new NotSupportedException($"Nobody knows what Hugging Face calls the architecture '{config.Architecture}'.");
        if (config.Architecture == "llama" && config.SlidingWindow > 0)
        {
            (modelType, className) = ("mistral", "MistralForCausalLM");
        }

        JsonObject json = original?.DeepClone().AsObject() ?? new JsonObject { ["architectures"] = new JsonArray(className), ["model_type"] = modelType };
        foreach (string field in Superseded)
        {
            json.Remove(field);
        }

        json["hidden_size"] = config.Hidden;
        json["intermediate_size"] = config.Inner;
        json["num_hidden_layers"] = config.Layers;
        json["num_attention_heads"] = config.Heads;
        json["num_key_value_heads"] = config.KvHeads;
        json["head_dim"] = config.HeadDim;
        json["vocab_size"] = config.Vocab;
        json["max_position_embeddings"] = config.ContextLength;
        json["rms_norm_eps"] = config.NormEpsilon;
        json["hidden_act"] = "silu";
        json["tie_word_embeddings"] = config.TiedEmbeddings;
        WriteRope(json, config);
        WriteWindow(json, config);
        if (config.Experts is { } experts)
        {
            WriteExperts(json, config.Architecture, experts);
        }

        ModelConfig expected = config with { Rope = config.Rope with { Pairing = PairingOf(config.Architecture) } };
        ModelConfig read = ReadBack(json);
        return read == expected ? json : throw new NotSupportedException($"{expected} cannot be said in a config.json: it would be read as {read}.");
    }

    static ModelConfig ReadBack(JsonObject json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToJsonString());
        return HuggingFaceConfig.Read(new JsonFields("config.json", document.RootElement));
    }

    static void WriteRope(JsonObject json, ModelConfig config)
    {
        RopeConfig rope = config.Rope;
        json["rope_theta"] = rope.Base;
        if (rope.Dims != config.HeadDim || config.Architecture.StartsWith("glm", StringComparison.Ordinal))
        {
            // The reader multiplies and cuts off, so the share must not fall short of the whole number.
            float share = (float)rope.Dims / config.HeadDim;
            json["partial_rotary_factor"] = (int)(config.HeadDim * share) < rope.Dims ? MathF.BitIncrement(share) : share;
        }
        else
        {
            json.Remove("partial_rotary_factor");
        }

        if (rope.Llama3 is { } llama3)
        {
            json["rope_scaling"] = new JsonObject
            {
                ["rope_type"] = "llama3",
                ["factor"] = llama3.Factor,
                ["low_freq_factor"] = llama3.LowFactor,
                ["high_freq_factor"] = llama3.HighFactor,
                ["original_max_position_embeddings"] = llama3.OriginalContext,
            };
        }
        else if (rope.PositionScale != 1)
        {
            json["rope_scaling"] = new JsonObject { ["rope_type"] = "linear", ["factor"] = 1 / rope.PositionScale };
        }
        else if ((json["rope_scaling"] as JsonObject)?["mrope_section"] is null)
        {
            json.Remove("rope_scaling");
        }
    }

    static void WriteWindow(JsonObject json, ModelConfig config)
    {
        json.Remove("max_window_layers");
        json.Remove("use_sliding_window");
        json.Remove("sliding_window");
        if (config.SlidingWindow > 0)
        {
            json["sliding_window"] = config.SlidingWindow;
            json["use_sliding_window"] = true;
            json["max_window_layers"] = 0;
        }
    }

    static void WriteExperts(JsonObject json, string architecture, ExpertsConfig experts)
    {
        json["num_experts_per_tok"] = experts.Used;
        json["moe_intermediate_size"] = experts.Inner;
        json["norm_topk_prob"] = experts.Renormalise;
        if (architecture == "qwen3moe")
        {
            json["num_experts"] = experts.Count;
            json["decoder_sparse_step"] = 1;
            json["mlp_only_layers"] = new JsonArray();
            return;
        }

        json["n_routed_experts"] = experts.Count;
        json["n_shared_experts"] = experts.SharedInner / experts.Inner;
        json["first_k_dense_replace"] = experts.DenseLayers;
        json["routed_scaling_factor"] = experts.Scale;
        json["n_group"] = 1;
        json["topk_group"] = 1;
        json["num_nextn_predict_layers"] = 0;
    }
}
