using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Safetensors;

namespace OpenAutoGlm.Models.Weights;

public sealed class HuggingFaceWeightsTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.", "lm_head.weight")]
    [InlineData("model.language_model.", "lm_head.weight")]
    [InlineData("language_model.model.", "language_model.lm_head.weight")]
    [InlineData("", "lm_head.weight")]
    public void The_language_model_is_found_below_other_parts(string prefix, string output)
    {
        using HuggingFaceWeights weights = Open(Config("glm4"), $"{prefix}embed_tokens.weight", output, $"{prefix}layers.11.post_mlp_layernorm.weight", "model.visual.blocks.0.norm1.weight");
        Assert.Equal(["blk.11.post_ffw_norm.weight", "output.weight", "token_embd.weight"], weights.Names.Order(StringComparer.Ordinal));
        Assert.Same(weights.Get("token_embd.weight"), weights.Get("token_embd.weight"));
        Assert.True(weights.TryGetStored("model.visual.blocks.0.norm1.weight", out _));
        Assert.Equal(4, weights.Stored.Count);
    }

    [Fact]
    public void A_tied_model_has_no_output_projection_even_if_the_file_stores_one()
    {
        using HuggingFaceWeights weights = Open(Config("llama") with { TiedEmbeddings = true }, "model.embed_tokens.weight", "lm_head.weight");
        Assert.False(weights.TryGet("output.weight", out _));
    }

    [Fact]
    public void Names_that_look_alike_are_not_mistaken()
    {
        using HuggingFaceWeights weights = Open(
            Config("qwen3moe"),
            "model.embed_tokens.weight",
            "model.layers.x.input_layernorm.weight",
            "model.layers.01.input_layernorm.weight",
            "model.layers.99999999999.input_layernorm.weight",
            "model.layers.0.self_attn.rotary_emb.inv_freq",
            "model.layers.0.mlp.experts.x.gate_proj.weight",
            "model.layers.0",
            "other.layers.0.input_layernorm.weight");
        Assert.Equal(["token_embd.weight"], weights.Names);
    }

    [Fact]
    public void Experts_are_stacked_in_the_order_of_their_numbers_without_copying()
    {
        string[] names = [.. Enumerable.Range(0, 11).Reverse().Select(i => $"model.layers.1.mlp.experts.{i}.up_proj.weight")];
        using HuggingFaceWeights weights = Open(Config("glm4moe", experts: 11), ["model.embed_tokens.weight", .. names]);
        Tensor stack = weights.Get("blk.1.ffn_up_exps.weight");
        Assert.Equal("F32[11, 1, 2]", stack.ToString());
        Assert.Equal(11, stack.Parts.Length);

        // The writer orders by name and the values count up in the order of the arguments: 10 was first.
        Assert.Equal([.. Enumerable.Range(0, 11).Select(i => 11f - i)], stack.Parts.Select(part => part.ToFloats()[0]));
    }

    [Fact]
    public void A_missing_expert_is_refused_with_the_numbers()
    {
        using HuggingFaceWeights weights = Open(
            Config("glm4moe", experts: 3),
            "model.embed_tokens.weight", "model.layers.1.mlp.experts.0.up_proj.weight", "model.layers.1.mlp.experts.2.up_proj.weight");
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => weights.Get("blk.1.ffn_up_exps.weight"));
        Assert.Contains("3 experts, but the file holds 2", error.Message);
    }

    [Fact]
    public void A_file_without_an_embedding_table_is_refused()
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Open(Config("llama"), "model.norm.weight"));
        Assert.Contains("embed_tokens", error.Field);
    }

    [Fact]
    public void Parts_of_a_split_file_that_hold_the_same_tensor_are_refused()
    {
        GgufWriter writer = new();
        writer.AddTensor("token_embd.weight", Tensor.Of([1f], 1));
        using GgufFile first = GgufFile.Open(_folder.Write("a.gguf", writer));
        using GgufFile second = GgufFile.Open(_folder.Write("b.gguf", writer));
        Assert.Equal("token_embd.weight", Assert.Throws<ModelFormatException>(() => new GgufWeights(first, second)).Field);
    }

    HuggingFaceWeights Open(ModelConfig config, params string[] names)
    {
        SafetensorsWriter writer = new();
        for (int i = 0; i < names.Length; i++)
        {
            writer.Add(names[i], Tensor.Of([(float)i, i], 1, 2));
        }

        string path = _folder.File($"{Path.GetRandomFileName()}.safetensors");
        writer.Write(path);
        return new HuggingFaceWeights(SafetensorsModel.Open(path), config);
    }

    static ModelConfig Config(string architecture, int experts = 0) => new()
    {
        Architecture = architecture,
        Layers = 2,
        Hidden = 2,
        Heads = 1,
        KvHeads = 1,
        HeadDim = 2,
        Inner = 2,
        Vocab = 1,
        ContextLength = 8,
        NormEpsilon = 1e-5f,
        Rope = new RopeConfig(RopePairing.Half, 2, 10000),
        Experts = experts == 0 ? null : new ExpertsConfig { Count = experts, Used = 1, Inner = 2 },
    };
}
