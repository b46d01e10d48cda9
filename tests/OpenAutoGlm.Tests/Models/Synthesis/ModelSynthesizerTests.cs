using System.Text.Json.Nodes;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Models.Synthesis;

public sealed class ModelSynthesizerTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama-tiny", "F32")]
    [InlineData("llama-tiny", "Q4_K_M")]
    [InlineData("qwen3-tiny", "Q8_0")]
    [InlineData("glm4-tiny", "BF16")]
    [InlineData("glm4-tiny", "Q4_0")]
    [InlineData("glm4moe-tiny", "Q4_K_M")]
    public void A_tiny_model_is_whole_and_can_be_built_as_a_graph(string name, string format)
    {
        ModelShape shape = ModelShape.Find(name);
        using ModelPackage package = ModelPackage.Open(Make(shape, format));

        // The file has Llama's factors as a tensor, and says nothing of the rule that made them.
        Assert.Equal(shape.Config with { Rope = shape.Config.Rope with { Llama3 = null } }, package.Config);
        ModelGraph graph = Architecture.Build(package.Config, package.Weights, new GraphOptions());
        Assert.NotEmpty(graph.Nodes);
    }

    [Theory]
    [InlineData("llama-tiny")]
    [InlineData("qwen3-tiny")]
    [InlineData("glm4-tiny")]
    public void The_tokenizer_spells_any_text_and_the_template_uses_its_special_tokens(string name)
    {
        using ModelPackage package = ModelPackage.Open(Make(ModelShape.Find(name), "Q8_0"));
        Tokenizer tokenizer = package.Tokenizer!;
        foreach (string text in new[] { "the model reads the words", "模型读取文字 🙂\n\t", "" })
        {
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        }

        Assert.True(tokenizer.Encode("the model reads the words").Length < 10);
        Assert.NotEmpty(package.Generation.EosIds);
        string prompt = ChatTemplate.Parse(package.ChatTemplates.Default!).Render(new ChatTemplateInput
        {
            Messages = TemplateValue.FromJson(JsonNode.Parse("""[{"role":"user","content":"hello"}]""")),
            AddGenerationPrompt = true,
        }, TestContext.Current.CancellationToken);
        int[] ids = tokenizer.Encode(prompt, parseSpecials: true);
        Assert.Contains(ids, tokenizer.IsSpecial);
        Assert.Contains("hello", prompt);
        Assert.Equal(prompt, tokenizer.Decode(ids, skipSpecials: false));
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        ModelShape shape = ModelShape.Find("glm4moe-tiny");
        byte[] first = File.ReadAllBytes(Make(shape, "Q4_K_M", seed: 1));
        Assert.Equal(first, File.ReadAllBytes(Make(shape, "Q4_K_M", seed: 1)));
        Assert.NotEqual(first, File.ReadAllBytes(Make(shape, "Q4_K_M", seed: 2)));
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("F16")]
    [InlineData("Q8_0")]
    [InlineData("Q6_K")]
    [InlineData("Q5_K")]
    [InlineData("Q5_0")]
    [InlineData("Q4_K")]
    [InlineData("Q4_0")]
    public void Elements_have_the_scale_that_keeps_activations_sane(string format)
    {
        using ModelPackage package = ModelPackage.Open(Make(ModelShape.Find("llama-tiny"), format));
        Tensor matrix = package.Weights.Get("blk.0.ffn_up.weight");
        Assert.Equal(format, matrix.Format.ToString());
        float[] values = matrix.ToFloats();
        Assert.InRange(values.Average(), -1e-3, 1e-3);
        Assert.InRange(Math.Sqrt(values.Average(value => (double)value * value)), 0.97 / 16, 1.03 / 16);
        Assert.InRange(package.Weights.Get("output_norm.weight").ToFloats().Average(), 0.97, 1.03);
    }

    [Fact]
    public void Rows_of_unused_tokens_are_zero()
    {
        using ModelPackage package = ModelPackage.Open(Make(ModelShape.Find("llama-tiny"), "Q4_0"));
        Tensor table = package.Weights.Get("token_embd.weight");
        int used = package.Tokenizer!.TryGetId("<|eot_id|>", out int id) ? id + 1 : 0;
        Assert.InRange(used, 300, 1000);
        Assert.All(table.Rows(used, table.Shape[0].Size - used).ToFloats(), value => Assert.Equal(0, value));
        Assert.DoesNotContain(table.Rows(0, used).ToFloats().Chunk(256), row => row.All(value => value == 0));
    }

    [Fact]
    public void Rows_that_do_not_divide_into_blocks_fall_back()
    {
        ModelShape tiny = ModelShape.Find("llama-tiny");
        ModelShape odd = tiny with { Config = tiny.Config with { Hidden = 96, Inner = 80 } };
        using GgufFile file = GgufFile.Open(Make(odd, "Q4_K_M"));
        Dictionary<string, TensorFormat?> formats = file.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Format);
        Assert.Equal(TensorFormat.Q5_0, formats["blk.0.attn_q.weight"]);
        Assert.Equal(TensorFormat.Q8_0, formats["token_embd.weight"]);
        Assert.Equal(TensorFormat.F16, formats["blk.0.ffn_down.weight"]);
    }

    [Fact]
    public void Every_shape_plans_tensors_that_its_configuration_fits()
    {
        Assert.Equal(ModelShape.All.Length, ModelShape.All.Select(shape => shape.Name).Distinct().Count());
        foreach (ModelShape shape in ModelShape.All)
        {
            long parameters = PlannedTensor.For(shape).Sum(tensor => tensor.Extents.Aggregate(1L, (product, extent) => product * extent));
            if (Published.TryGetValue(shape.Name, out double billions))
            {
                Assert.InRange(parameters / 1e9, billions * 0.99, billions * 1.01);
            }
        }
    }

    /// <summary>Parameters in billions as the models' pages state them, or as their dimensions give by hand.</summary>
    static readonly Dictionary<string, double> Published = new()
    {
        ["llama-3.2-1b"] = 1.236,
        ["llama-3.2-3b"] = 3.213,
        ["llama-3.1-8b"] = 8.030,
        ["qwen2.5-0.5b"] = 0.494,
        ["qwen2.5-1.5b"] = 1.544,
        ["qwen3-0.6b"] = 0.596,
        ["qwen3-4b"] = 4.022,
        ["qwen3-30b-a3b"] = 30.53,
        ["glm-edge-1.5b"] = 1.472,
        ["glm-4-9b-chat"] = 9.400,
        ["glm-4-9b-0414"] = 9.400,
        ["glm-4.5-air"] = 106.9,
    };

    [Fact]
    public void What_is_not_known_is_refused_with_what_is()
    {
        Assert.Contains("glm-4.5-air", Assert.Throws<ArgumentException>(() => ModelShape.Find("gpt")).Message);
        Assert.Contains("Q4_K_M", Assert.Throws<ArgumentException>(() => Make(ModelShape.Find("llama-tiny"), "Q9")).Message);
        ModelShape tiny = ModelShape.Find("llama-tiny");
        Assert.Contains("too small", Assert.Throws<ArgumentException>(() => Make(tiny with { Config = tiny.Config with { Vocab = 100 } }, "F32")).Message);
    }

    string Make(ModelShape shape, string format, int seed = 0)
    {
        string path = _folder.File($"{Path.GetRandomFileName()}.gguf");
        ModelSynthesizer.Write(shape, format, path, seed, null, TestContext.Current.CancellationToken);
        return path;
    }
}
