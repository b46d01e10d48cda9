using System.Text.Json;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Safetensors;

namespace OpenAutoGlm.Models.Packages;

public sealed class ModelPackageTests : IDisposable
{
    const string Config = """
        {"model_type":"llama","hidden_size":4,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,
         "vocab_size":10,"max_position_embeddings":128,"rms_norm_eps":1e-5,"eos_token_id":2}
        """;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_of_safetensors_is_opened_with_all_that_stands_beside_them()
    {
        WriteSafetensors();
        _folder.Write("generation_config.json", """{"eos_token_id":[7,3,7],"temperature":0.6,"top_p":0.95,"top_k":40,"repetition_penalty":1.1,"do_sample":true}""");
        _folder.Write("tokenizer_config.json", """{"chat_template":[{"name":"default","template":"old"},{"name":"tool_use","template":"tools"}]}""");
        _folder.Write("chat_template.jinja", "new");
        using ModelPackage package = ModelPackage.Open(_folder.Root);
        Assert.Equal("llama", package.Config.Architecture);
        Assert.Equal("F32[10, 4]", package.Weights.Get("token_embd.weight").ToString());
        Assert.Equal(new GenerationDefaults { EosIds = [7, 3], Temperature = 0.6f, TopP = 0.95f, TopK = 40, RepetitionPenalty = 1.1f }, package.Generation);
        Assert.Equal("new", package.ChatTemplates.Default);
        Assert.Equal("tools", package.ChatTemplates.Named["tool_use"]);
    }

    [Theory]
    [InlineData(null, Pooling.Last)]
    [InlineData("""{"word_embedding_dimension":4,"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true}""", Pooling.Mean)]
    [InlineData("""{"pooling_mode_lasttoken":true,"pooling_mode_mean_tokens":false,"include_prompt":true}""", Pooling.Last)]
    [InlineData("""{"pooling_mode":"cls"}""", Pooling.First)]
    [InlineData("""{"pooling_mode_max_tokens":true}""", null)]
    [InlineData("""{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true}""", null)]
    [InlineData("""{}""", null)]
    public void Pooling_is_what_sentence_transformers_wrote_down(string? file, Pooling? expected)
    {
        WriteSafetensors();
        if (file is not null)
        {
            Directory.CreateDirectory(_folder.File("1_Pooling"));
            _folder.Write(Path.Combine("1_Pooling", "config.json"), file);
        }

        using ModelPackage package = ModelPackage.Open(_folder.Root);
        Assert.Equal(expected, package.Pooling);
    }

    [Fact]
    public void End_tokens_come_from_the_configuration_where_nothing_else_states_them()
    {
        WriteSafetensors();
        using ModelPackage package = ModelPackage.Open(_folder.File("model.safetensors"));
        Assert.Equal([2], package.Generation.EosIds);
        Assert.Null(package.ChatTemplates.Default);
    }

    [Fact]
    public void A_GGUF_file_is_opened_by_itself_or_as_the_only_one_in_a_folder()
    {
        string path = _folder.Write("model.gguf", Gguf());
        _folder.Write("mmproj-model.gguf", [1, 2, 3]);
        foreach (string name in new[] { path, _folder.Root })
        {
            using ModelPackage package = ModelPackage.Open(name);
            Assert.Equal("tiny", package.Name);
            Assert.Equal("{{ messages }}", package.ChatTemplates.Default);
            Assert.Equal("{{ tools }}", package.ChatTemplates.Named["tool_use"]);
            Assert.Equal(new GenerationDefaults { EosIds = [2, 4], Temperature = 0.5f }, package.Generation);
        }

        Assert.Equal(0, _folder.OpenMappings);
    }

    [Fact]
    public void The_parts_of_a_split_file_are_found_from_any_of_them()
    {
        WriteParts(2, _ => { });
        foreach (string name in new[] { _folder.Root, _folder.File("m-00001-of-00002.gguf"), })
        {
            using ModelPackage package = ModelPackage.Open(name);
            Assert.Equal(["token_embd.weight", "output_norm.weight"], package.Weights.Names);
            Assert.Contains("2 parts", package.Describe());
        }
    }

    [Fact]
    public void A_split_file_that_is_not_whole_is_refused_with_the_part()
    {
        WriteParts(2, _ => { });
        string second = _folder.File("m-00002-of-00002.gguf");
        string moved = _folder.File("other.gguf");
        File.Move(second, moved);
        Assert.Contains("m-00002-of-00002.gguf", Assert.Throws<ModelFormatException>(() => ModelPackage.Open(_folder.File("m-00001-of-00002.gguf"))).Message);
        Assert.Equal("split.count", Assert.Throws<ModelFormatException>(() => ModelPackage.Open(moved)).Field);
        File.Copy(_folder.File("m-00001-of-00002.gguf"), second);
        Assert.Equal("split.no", Assert.Throws<ModelFormatException>(() => ModelPackage.Open(_folder.File("m-00001-of-00002.gguf"))).Field);
        Assert.Equal(0, _folder.OpenMappings);
    }

    [Fact]
    public void A_folder_with_several_models_or_none_is_refused_by_name()
    {
        Assert.Contains("config.json", Assert.Throws<ModelFormatException>(() => ModelPackage.Open(_folder.Root)).Message);
        _folder.Write("a.gguf", Gguf());
        _folder.Write("b.gguf", Gguf());
        Assert.Contains("a.gguf, b.gguf", Assert.Throws<ModelFormatException>(() => ModelPackage.Open(_folder.Root)).Message);
        Assert.Contains("pickle", Assert.Throws<ModelFormatException>(() => ModelPackage.Open(_folder.Write("model.pt", [0x80, 2, 0x8A]))).Message);
        Assert.Throws<FileNotFoundException>(() => ModelPackage.Open(_folder.File("nothing.gguf")));
    }

    [Theory]
    [InlineData("generation_config.json", """{"eos_token_id":10}""", "eos_token_id")]
    [InlineData("generation_config.json", """{"eos_token_id":-1}""", "eos_token_id")]
    [InlineData("generation_config.json", """{"eos_token_id":"2"}""", "eos_token_id")]
    [InlineData("generation_config.json", """{"temperature":-1}""", "temperature")]
    [InlineData("generation_config.json", """{"top_p":2}""", "top_p")]
    [InlineData("generation_config.json", """{"top_k":-1}""", "top_k")]
    [InlineData("generation_config.json", """[]""", "root")]
    [InlineData("tokenizer_config.json", """{"chat_template":5}""", "chat_template")]
    [InlineData("tokenizer_config.json", """{"chat_template":[{"name":"x"}]}""", "chat_template")]
    [InlineData("tokenizer_config.json", """{"chat_template":"\ud800"}""", "chat_template")]
    public void A_neighbour_that_lies_is_refused_and_the_weights_unmapped(string file, string text, string field)
    {
        WriteSafetensors();
        _folder.Write(file, text);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => ModelPackage.Open(_folder.Root));
        Assert.Equal(field, error.Field);
        Assert.EndsWith(file, error.File);
        Assert.Equal(0, _folder.OpenMappings);
    }

    [Fact]
    public void The_summary_counts_parameters_bytes_and_keys_and_values()
    {
        using ModelPackage package = ModelPackage.Open(_folder.Write("model.gguf", Gguf()));
        ModelSummary summary = package.Summarize();
        Assert.Equal((44L, 44L, 176L, 32.0), (summary.Parameters, summary.ActiveParameters, summary.WeightBytes, summary.BitsPerParameter));
        Assert.Equal((16L, 16L * 128), (summary.KvBytesPerToken, summary.KvBytesAtFullContext));
        using JsonDocument json = JsonDocument.Parse(summary.ToJson());
        Assert.Equal(44, json.RootElement.GetProperty("parameters").GetInt64());
        Assert.Equal("F32", json.RootElement.GetProperty("formats")[0].GetProperty("type").GetString());
        Assert.Contains("tiny", package.Describe());
        Assert.Contains("16 B for each token, 2.00 KiB at full context", package.Describe());
    }

    [Fact]
    public void A_mutated_GGUF_model_or_configuration_is_opened_and_described_or_refused()
    {
        byte[] gguf = File.ReadAllBytes(_folder.Write("whole.gguf", Gguf()));
        File.Delete(_folder.File("whole.gguf"));
        WriteSafetensors();
        byte[] config = System.Text.Encoding.UTF8.GetBytes(Config);
        Random random = new(20261120);
        int opened = 0;
        for (int i = 0; i < Mutation.Count; i++)
        {
            string path = i % 2 == 0
                ? _folder.Write("mutant.gguf", Mutation.Of(gguf, gguf.Length - 192, random))
                : Path.GetDirectoryName(_folder.Write("config.json", Mutation.Of(config, config.Length, random)))!;
            try
            {
                using ModelPackage package = ModelPackage.Open(path);
                Assert.NotEmpty(package.Describe());
                Assert.NotEmpty(package.Summarize().ToJson());
                opened++;
            }
            catch (ModelFormatException error)
            {
                Assert.Contains(_folder.Root, error.Message);
            }
        }

        Assert.InRange(opened, 1, Mutation.Count - 1);
        Assert.Equal(0, _folder.OpenMappings);
    }

    void WriteSafetensors()
    {
        SafetensorsWriter writer = new();
        writer.Add("model.embed_tokens.weight", Tensor.Of(new float[40], 10, 4));
        writer.Write(_folder.File("model.safetensors"));
        _folder.Write("config.json", Config);
    }

    void WriteParts(int count, Action<GgufWriter> add)
    {
        GgufWriter first = Head();
        GgufWriter second = new();
        add(first);
        foreach ((GgufWriter writer, uint number) in new[] { (first, 0u), (second, 1u) })
        {
            writer.Add("split.no", number);
            writer.Add("split.count", (uint)count);
            writer.Add("split.tensors.count", (uint)count);
        }

        first.AddTensor("token_embd.weight", Tensor.Of(new float[40], 10, 4));
        second.AddTensor("output_norm.weight", Tensor.Of(new float[4], 4));
        _folder.Write("m-00001-of-00002.gguf", first);
        _folder.Write("m-00002-of-00002.gguf", second);
    }

    static GgufWriter Gguf()
    {
        GgufWriter writer = Head();
        writer.AddTensor("token_embd.weight", Tensor.Of(new float[40], 10, 4));
        writer.AddTensor("output_norm.weight", Tensor.Of(new float[4], 4));
        return writer;
    }

    static GgufWriter Head()
    {
        GgufWriter writer = new();
        writer.Add("general.architecture", "llama");
        writer.Add("general.name", "tiny");
        writer.Add("general.sampling.temp", 0.5f);
        writer.Add("llama.block_count", 1u);
        writer.Add("llama.context_length", 128u);
        writer.Add("llama.embedding_length", 4u);
        writer.Add("llama.feed_forward_length", 8u);
        writer.Add("llama.attention.head_count", 2u);
        writer.Add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        writer.Add("tokenizer.ggml.eos_token_id", 2u);
        writer.Add("tokenizer.ggml.eot_token_id", 4u);
        writer.Add("tokenizer.chat_template", "{{ messages }}");
        writer.Add("tokenizer.chat_template.tool_use", "{{ tools }}");
        return writer;
    }
}
