using System.Text.Json.Nodes;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

public sealed class HuggingFaceConfigTests : IDisposable
{
    const string Llama = """
        {"model_type":"llama","hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,"num_attention_heads":4,
         "num_key_value_heads":2,"vocab_size":100,"max_position_embeddings":128,"rms_norm_eps":1e-5,"hidden_act":"silu"}
        """;

    const string GlmMoe = """
        {"model_type":"glm4_moe","hidden_size":64,"intermediate_size":96,"num_hidden_layers":3,"num_attention_heads":4,
         "num_key_value_heads":2,"head_dim":32,"vocab_size":100,"max_position_embeddings":128,"rms_norm_eps":1e-5,
         "moe_intermediate_size":48,"n_routed_experts":8,"n_shared_experts":2,"num_experts_per_tok":2,"num_nextn_predict_layers":1,
         "first_k_dense_replace":1,"routed_scaling_factor":2.5,"norm_topk_prob":true,"n_group":1,"topk_group":1,"rope_theta":1000000}
        """;

    const string ChatGlm = """
        {"model_type":"chatglm","num_layers":40,"hidden_size":4096,"ffn_hidden_size":13696,"num_attention_heads":32,"kv_channels":128,
         "multi_query_attention":true,"multi_query_group_num":2,"padded_vocab_size":151552,"seq_length":131072,"rope_ratio":500,
         "layernorm_epsilon":1.5625e-07,"rmsnorm":true,"post_layer_norm":true,"original_rope":true}
        """;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_llama_gets_the_defaults_of_its_family()
    {
        ModelConfig config = Read(Llama);
        Assert.Equal(("llama", 2, 64, 4, 2, 16, 96, 100, 128), (config.Architecture, config.Layers, config.Hidden, config.Heads, config.KvHeads, config.HeadDim, config.Inner, config.Vocab, config.ContextLength));
        Assert.Equal(new RopeConfig(RopePairing.Half, 16, 10000), config.Rope);
        Assert.Null(config.Experts);
        Assert.False(config.TiedEmbeddings);
        Assert.Equal(4, Read(Llama, ("num_key_value_heads", null)).KvHeads);
    }

    [Fact]
    public void Rotary_settings_are_read_from_all_three_layouts()
    {
        RopeConfig expected = new(RopePairing.Half, 16, 500000) { Llama3 = new(32, 1, 4, 8192) };
        Assert.Equal(expected, Read(Llama, ("rope_theta", 500000), ("rope_scaling", JsonNode.Parse("""{"rope_type":"llama3","factor":32,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"""))).Rope);
        Assert.Equal(expected, Read(Llama, ("rope_parameters", JsonNode.Parse("""{"rope_theta":500000,"rope_type":"llama3","factor":32,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"""))).Rope);
        Assert.Equal(0.25f, Read(Llama, ("rope_scaling", JsonNode.Parse("""{"type":"linear","factor":4}"""))).Rope.PositionScale);
        Assert.Equal(8, Read(Llama, ("rope_parameters", JsonNode.Parse("""{"partial_rotary_factor":0.5,"rope_type":"default","mrope_section":[1,2,3]}"""))).Rope.Dims);
    }

    [Fact]
    public void The_language_model_is_found_under_text_config()
    {
        JsonObject root = new() { ["model_type"] = "glmasr", ["tie_word_embeddings"] = true, ["text_config"] = JsonNode.Parse(Llama) };
        ModelConfig config = HuggingFaceConfig.Read(_folder.Write("config.json", root.ToJsonString()));
        Assert.Equal("llama", config.Architecture);
        Assert.True(config.TiedEmbeddings);
    }

    [Fact]
    public void Each_family_has_its_architecture_and_its_pairs()
    {
        (string, string, RopePairing, int)[] expected =
        [
            ("mistral", "llama", RopePairing.Half, 16), ("qwen2", "qwen2", RopePairing.Half, 16), ("qwen3", "qwen3", RopePairing.Half, 128),
            ("glm", "glm", RopePairing.Interleaved, 64), ("glm4", "glm4", RopePairing.Interleaved, 64), ("glm4v", "glm4", RopePairing.Interleaved, 8),
        ];
        foreach ((string modelType, string architecture, RopePairing pairing, int dims) in expected)
        {
            ModelConfig config = Read(Llama, ("model_type", modelType));
            Assert.Equal((architecture, pairing, dims), (config.Architecture, config.Rope.Pairing, config.Rope.Dims));
        }
    }

    [Fact]
    public void Experts_of_GLM_are_read_and_layers_for_further_tokens_are_not_counted()
    {
        ModelConfig config = Read(GlmMoe);
        Assert.Equal(3, config.Layers);
        Assert.Equal(new ExpertsConfig { Count = 8, Used = 2, Inner = 48, SharedInner = 96, DenseLayers = 1, Scale = 2.5f }, config.Experts);
        Assert.Equal(new RopeConfig(RopePairing.Half, 16, 1000000), config.Rope);
    }

    [Fact]
    public void The_first_configuration_of_GLM_4_is_read()
    {
        ModelConfig config = Read(ChatGlm);
        Assert.Equal(("glm", 40, 4096, 32, 2, 128, 13696, 151552, 131072), (config.Architecture, config.Layers, config.Hidden, config.Heads, config.KvHeads, config.HeadDim, config.Inner, config.Vocab, config.ContextLength));
        Assert.Equal(new RopeConfig(RopePairing.Interleaved, 64, 5_000_000), config.Rope);
        Assert.Equal(1.5625e-07f, config.NormEpsilon);
    }

    [Fact]
    public void A_sliding_window_counts_only_where_it_is_used()
    {
        Assert.Equal(0, Read(Llama, ("sliding_window", 64)).SlidingWindow);
        Assert.Equal(64, Read(Llama, ("model_type", "mistral"), ("sliding_window", 64)).SlidingWindow);
        Assert.Equal(0, Read(Llama, ("model_type", "qwen2"), ("sliding_window", 64), ("use_sliding_window", false)).SlidingWindow);
        Assert.Equal(0, Read(Llama, ("model_type", "qwen2"), ("sliding_window", 64), ("use_sliding_window", true), ("max_window_layers", 2)).SlidingWindow);
        Assert.Equal(64, Read(Llama, ("model_type", "qwen2"), ("sliding_window", 64), ("use_sliding_window", true), ("max_window_layers", 0)).SlidingWindow);
        Refused(Llama, "max_window_layers", ("model_type", "qwen2"), ("sliding_window", 64), ("use_sliding_window", true), ("max_window_layers", 1));
    }

    [Fact]
    public void What_is_not_supported_is_refused_with_what_is()
    {
        Assert.Contains("qwen3_moe", Refused(Llama, "model_type", ("model_type", "mamba")).Message);
        Assert.Contains("'yarn'", Refused(Llama, "rope_scaling.rope_type", ("rope_scaling", JsonNode.Parse("""{"rope_type":"yarn","factor":4}"""))).Message);
        Assert.Contains("'dynamic'", Refused(Llama, "rope_scaling.type", ("rope_scaling", JsonNode.Parse("""{"type":"dynamic","factor":4}"""))).Message);
        Assert.Contains("'gelu'", Refused(Llama, "hidden_act", ("hidden_act", "gelu")).Message);
        Refused(GlmMoe, "n_group", ("n_group", 4));
        Refused(ChatGlm, "add_bias_linear", ("add_bias_linear", true));
    }

    [Theory]
    [InlineData("hidden_size")]
    [InlineData("intermediate_size")]
    [InlineData("num_hidden_layers")]
    [InlineData("num_attention_heads")]
    [InlineData("num_key_value_heads")]
    [InlineData("head_dim")]
    [InlineData("vocab_size")]
    [InlineData("max_position_embeddings")]
    [InlineData("rms_norm_eps")]
    [InlineData("rope_theta")]
    [InlineData("moe_intermediate_size")]
    [InlineData("n_routed_experts")]
    [InlineData("num_experts_per_tok")]
    [InlineData("routed_scaling_factor")]
    public void A_number_that_cannot_be_is_refused_with_its_name(string field)
    {
        foreach (JsonNode? value in new JsonNode?[] { 0, -1, long.MaxValue, 1e30, "12", true, new JsonArray(), new JsonObject() })
        {
            Refused(GlmMoe, field, (field, value));
        }

        if (field is not ("rms_norm_eps" or "rope_theta" or "routed_scaling_factor"))
        {
            Refused(GlmMoe, field, (field, 2.5));
        }
    }

    [Fact]
    public void Numbers_that_contradict_each_other_are_refused()
    {
        Refused(Llama, "num_key_value_heads", ("num_key_value_heads", 3));
        Refused(Llama, "num_key_value_heads", ("num_key_value_heads", 8));
        Refused(GlmMoe, "num_experts_per_tok", ("num_experts_per_tok", 9));
        Refused(Llama, "partial_rotary_factor", ("head_dim", 7));
        Refused(Llama, "partial_rotary_factor", ("partial_rotary_factor", 0.01));
        Refused(Llama, "partial_rotary_factor", ("partial_rotary_factor", 1.5));
        Refused(Llama, "head_dim", ("head_dim", 8192), ("num_attention_heads", 16384), ("num_key_value_heads", 1));
    }

    [Theory]
    [InlineData("hidden_size")]
    [InlineData("num_hidden_layers")]
    [InlineData("vocab_size")]
    [InlineData("model_type")]
    public void A_field_that_is_missing_is_named(string field) => Assert.Contains("missing", Refused(Llama, field, (field, null)).Message);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"model_type":"llama","model_type":"qwen2"}""")]
    [InlineData("""{"model_type":"\ud800"}""")]
    [InlineData("""{"model_type":5}""")]
    [InlineData("""{"text_config":[]}""")]
    public void A_file_that_is_no_configuration_is_refused(string text)
    {
        string path = _folder.Write("config.json", text);
        Assert.Equal(path, Assert.Throws<ModelFormatException>(() => HuggingFaceConfig.Read(path)).File);
    }

    ModelFormatException Refused(string json, string field, params (string, JsonNode?)[] changes)
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Read(json, changes));
        Assert.Equal(field, error.Field);
        return error;
    }

    ModelConfig Read(string json, params (string, JsonNode?)[] changes)
    {
        JsonObject config = JsonNode.Parse(json)!.AsObject();
        foreach ((string field, JsonNode? value) in changes)
        {
            config[field] = value?.DeepClone();
        }

        return HuggingFaceConfig.Read(_folder.Write("config.json", config.ToJsonString()));
    }
}
