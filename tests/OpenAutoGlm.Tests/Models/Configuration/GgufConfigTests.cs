using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Configuration;

public sealed class GgufConfigTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Absent_keys_are_taken_as_llama_cpp_takes_them()
    {
        ModelConfig config = Read("llama", _ => { });
        Assert.Equal((2, 64, 4, 4, 16, 96, 10), (config.Layers, config.Hidden, config.Heads, config.KvHeads, config.HeadDim, config.Inner, config.Vocab));
        Assert.Equal(new RopeConfig(RopePairing.Interleaved, 16, 10000), config.Rope);
        Assert.True(config.TiedEmbeddings);
    }

    [Theory]
    [InlineData("llama", "llama", RopePairing.Interleaved)]
    [InlineData("qwen2", "qwen2", RopePairing.Half)]
    [InlineData("qwen3", "qwen3", RopePairing.Half)]
    [InlineData("chatglm", "glm", RopePairing.Interleaved)]
    [InlineData("glm4", "glm4", RopePairing.Interleaved)]
    public void Each_architecture_has_its_pairs(string name, string architecture, RopePairing pairing)
    {
        ModelConfig config = Read(name, _ => { });
        Assert.Equal((architecture, pairing), (config.Architecture, config.Rope.Pairing));
    }

    [Fact]
    public void The_text_part_of_a_vision_model_has_reordered_rows()
    {
        ModelConfig config = Read("glm4", writer => writer.Add("glm4.rope.dimension_sections", [8, 12, 12, 0]));
        Assert.Equal(RopePairing.Half, config.Rope.Pairing);
    }

    [Fact]
    public void Layers_for_further_tokens_are_not_counted()
    {
        ModelConfig config = Read("glm4moe", writer =>
        {
            AddExperts(writer, "glm4moe");
            writer.Add("glm4moe.nextn_predict_layers", 1u);
        });
        Assert.Equal(1, config.Layers);
        Assert.Equal(new ExpertsConfig { Count = 8, Used = 2, Inner = 48, SharedInner = 48, DenseLayers = 1, Renormalise = false }, config.Experts);
    }

    [Fact]
    public void Qwen_experts_renormalise_and_take_their_width_from_the_dense_one()
    {
        ModelConfig config = Read("qwen3moe", writer =>
        {
            writer.Add("qwen3moe.expert_count", 8u);
            writer.Add("qwen3moe.expert_used_count", 2u);
        });
        Assert.Equal(new ExpertsConfig { Count = 8, Used = 2, Inner = 48 }, config.Experts);
    }

    [Theory]
    [InlineData("glm4moe.expert_count", 0u)]
    [InlineData("glm4moe.expert_used_count", 9u)]
    [InlineData("glm4moe.expert_feed_forward_length", uint.MaxValue)]
    [InlineData("glm4moe.expert_shared_count", 65537u)]
    [InlineData("glm4moe.expert_gating_func", 1u)]
    [InlineData("glm4moe.nextn_predict_layers", 2u)]
    [InlineData("glm4moe.expert_group_count", 2u)]
    [InlineData("glm4moe.attention.head_count_kv", 3u)]
    [InlineData("glm4moe.attention.value_length", 3u)]
    [InlineData("glm4moe.rope.dimension_count", 15u)]
    [InlineData("glm4moe.rope.dimension_count", 18u)]
    public void A_number_that_cannot_be_is_refused_with_its_key(string key, uint value)
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Read("glm4moe", writer =>
        {
            AddExperts(writer, "glm4moe", except: key);
            writer.Add(key, value);
        }));
        Assert.Equal(key, error.Field);
    }

    [Fact]
    public void What_is_not_supported_is_refused_with_what_is()
    {
        Assert.Contains("chatglm", Assert.Throws<ModelFormatException>(() => Read("gemma3", _ => { })).Message);
        Assert.Contains("'yarn'", Assert.Throws<ModelFormatException>(() => Read("llama", writer => writer.Add("llama.rope.scaling.type", "yarn"))).Message);
        Assert.Contains("experts", Assert.Throws<ModelFormatException>(() => Read("llama", writer => writer.Add("llama.expert_count", 8u))).Message);
    }

    [Fact]
    public void One_value_for_each_layer_is_read_if_all_agree()
    {
        Assert.Equal(2, Read("llama", writer => writer.Add("llama.attention.head_count_kv", [2, 2])).KvHeads);
        Assert.Contains("layer to layer", Assert.Throws<ModelFormatException>(() => Read("llama", writer => writer.Add("llama.attention.head_count_kv", [2, 4]))).Message);
        Assert.Throws<ModelFormatException>(() => Read("llama", writer => writer.Add("llama.attention.head_count_kv", ReadOnlySpan<int>.Empty)));
    }

    static void AddExperts(GgufWriter writer, string name, string? except = null)
    {
        foreach ((string key, uint value) in new[] { ("expert_count", 8u), ("expert_used_count", 2u), ("expert_feed_forward_length", 48u), ("expert_shared_count", 1u), ("leading_dense_block_count", 1u) })
        {
            if ($"{name}.{key}" != except)
            {
                writer.Add($"{name}.{key}", value);
            }
        }
    }

    ModelConfig Read(string architecture, Action<GgufWriter> add)
    {
        GgufWriter writer = new();
        writer.Add("general.architecture", architecture);
        writer.Add($"{architecture}.block_count", 2u);
        writer.Add($"{architecture}.context_length", 128u);
        writer.Add($"{architecture}.embedding_length", 64u);
        writer.Add($"{architecture}.feed_forward_length", 96u);
        writer.Add($"{architecture}.attention.head_count", 4u);
        writer.Add($"{architecture}.attention.layer_norm_rms_epsilon", 1e-5f);
        add(writer);
        writer.AddTensor("token_embd.weight", Tensor.Of(new float[640], 10, 64));
        using GgufFile file = GgufFile.Open(_folder.Write("config.gguf", writer));
        return GgufConfig.Read(file);
    }
}
