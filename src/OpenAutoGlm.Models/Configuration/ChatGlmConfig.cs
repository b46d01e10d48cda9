using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>Reads the config.json that ChatGLM2, ChatGLM3 and GLM-4-9B were first published with, whose fields have names of their own.</summary>
static class ChatGlmConfig
{
    public const string ModelType = "chatglm";

    public static ModelConfig Read(JsonFields fields)
    {
        foreach ((string field, bool expected) in new[]
        {
            ("rmsnorm", true), ("post_layer_norm", true), ("original_rope", true),
            ("apply_residual_connection_post_layernorm", false), ("add_bias_linear", false),
        })
        {
            if (fields.Bool(field, expected) != expected)
            {
                throw fields.Error(field, $"must be {(expected ? "true" : "false")}; other variants of ChatGLM are not supported.");
            }
        }

        int hidden = fields.Count("hidden_size", ConfigFields.MaxWidth);
        int heads = fields.Count("num_attention_heads", ConfigFields.MaxHeads);
        int headDim = fields.Count("kv_channels", ConfigFields.MaxHeadDim, Math.Max(hidden / heads, 1));
        float ropeRatio = fields.Positive("rope_ratio", ConfigFields.MaxFactor, 1);
        ModelConfig config = new()
        {
            Architecture = "glm",
            Layers = fields.Count(fields.Has("num_layers") ? "num_layers" : "num_hidden_layers", ConfigFields.MaxLayers),
            Hidden = hidden,
            Heads = heads,
            KvHeads = fields.Bool("multi_query_attention", whenAbsent: false) ? fields.Count("multi_query_group_num", ConfigFields.MaxHeads) : heads,
            HeadDim = headDim,
            Inner = fields.Count("ffn_hidden_size", ConfigFields.MaxInner),
            Vocab = fields.Count(fields.Has("padded_vocab_size") ? "padded_vocab_size" : "vocab_size", ConfigFields.MaxVocab),
            ContextLength = fields.Count("seq_length", ConfigFields.MaxContext),
            NormEpsilon = fields.Positive("layernorm_epsilon", 1),
            Rope = new RopeConfig(RopePairing.Interleaved, headDim / 2, 10000 * ropeRatio),
            TiedEmbeddings = fields.Bool("tie_word_embeddings", whenAbsent: false),
        };
        return ConfigRules.Checked(config, fields, "multi_query_group_num", "kv_channels", "kv_channels");
    }
}
