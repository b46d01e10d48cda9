using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Export;

public sealed class ModelExporterTests : IDisposable
{
    static readonly int[] Window = [11, 48, 85, 122, 159, 196, 233, 270];

    readonly TemporaryFolder _folder = new();
    readonly CpuBackend _cpu = new(new CpuOptions { Threads = 1, PinThreads = false });

    public static TheoryData<string> Shapes => TinyShapes.Names;

    public void Dispose()
    {
        _cpu.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_gguf_model_written_again_has_the_same_metadata_tensors_and_logits(string shape)
    {
        using ModelPackage model = Synthesize(shape, "Q4_K_M");
        using ModelPackage copy = Write(model, ExportFormat.Gguf, "copy.gguf");

        Assert.Equal(model.Config, copy.Config);
        Assert.Equal(model.Weights.Stored.Select(info => info.ToString()), copy.Weights.Stored.Select(info => info.ToString()));
        GgufMetadata before = ((GgufWeights)model.Weights).Metadata, after = ((GgufWeights)copy.Weights).Metadata;
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(before.Keys, key => Assert.Equal(before.Display(key), after.Display(key)));
        Assert.Equal(Logits(model), Logits(copy));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void From_gguf_to_safetensors_and_back_the_logits_stay_bit_for_bit(string shape)
    {
        using ModelPackage model = Synthesize(shape, "F32");
        using ModelPackage folder = Write(model, ExportFormat.Safetensors, "folder");
        using ModelPackage back = Write(folder, ExportFormat.Gguf, "back.gguf");

        Assert.Equal(model.Config.Architecture, folder.Config.Architecture);
        Assert.Equal(model.Config with { Rope = folder.Config.Rope }, folder.Config);
        Assert.Equal(model.Config, back.Config);
        Assert.Equal(Logits(model), Logits(back));
        float[] direct = Logits(folder);
        Assert.All(Logits(model).Zip(direct), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        if (model.Config.Rope.Pairing == folder.Config.Rope.Pairing)
        {
            Assert.Equal(Logits(model), direct);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_tokenizer_the_template_and_the_end_tokens_go_along(string shape)
    {
        const string Text = "The model reads 12345 words, 模型读取文字; isn't it fast?";
        using ModelPackage model = Synthesize(shape, "BF16");
        using ModelPackage folder = Write(model, ExportFormat.Safetensors, "folder");
        using ModelPackage back = Write(folder, ExportFormat.Gguf, "back.gguf");

        foreach (ModelPackage copy in new[] { folder, back })
        {
            Assert.Equal(model.Tokenizer!.Encode(Text), copy.Tokenizer!.Encode(Text));
            Assert.Equal(model.Tokenizer.Encode("<|user|>hi<|im_end|>", parseSpecials: true), copy.Tokenizer.Encode("<|user|>hi<|im_end|>", parseSpecials: true));
            Assert.Equal(model.Tokenizer.EosIds, copy.Tokenizer.EosIds);
            Assert.Equal((model.Tokenizer.BosId, model.Tokenizer.PadId), (copy.Tokenizer.BosId, copy.Tokenizer.PadId));
            Assert.Equal(model.ChatTemplates.Default, copy.ChatTemplates.Default);
            Assert.Equal(model.Generation.EosIds[0], copy.Generation.EosIds[0]);
        }

        Assert.Equal(model.Weights.Stored.Count, back.Weights.Stored.Count + (shape == "glm-tiny" ? -8 : 0));
    }

    [Fact]
    public void Blocks_become_bf16_in_safetensors_and_stay_what_they_were_in_value()
    {
        using ModelPackage model = Synthesize("glm4moe-tiny", "Q8_0");
        using ModelPackage folder = Write(model, ExportFormat.Safetensors, "folder");

        Assert.DoesNotContain(folder.Weights.Stored, info => info.TypeName is not ("BF16" or "F32"));
        float[] expected = [.. model.Weights.Get("blk.1.ffn_down_exps.weight").ToFloats().Select(value => Bf16(value))];
        Assert.Equal(expected, folder.Weights.Get("blk.1.ffn_down_exps.weight").ToFloats());
    }

    [Fact]
    public void A_folder_written_again_is_the_same_folder()
    {
        using ModelPackage model = Synthesize("qwen3moe-tiny", "BF16");
        using ModelPackage first = Write(model, ExportFormat.Safetensors, "first");
        using ModelPackage second = Write(first, ExportFormat.Safetensors, "second");

        foreach (string file in Directory.EnumerateFiles(first.Path))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(second.Path, Path.GetFileName(file))));
        }

        using ModelPackage wide = Open(() => ModelExporter.Write(first, first.Config, first.Weights, new(ExportFormat.Safetensors) { Elements = TensorFormat.F32 }, _folder.File("wide"), null, TestContext.Current.CancellationToken), "wide");
        Assert.All(wide.Weights.Stored, info => Assert.Equal("F32", info.TypeName));
        Assert.Equal(first.Weights.Get("blk.0.ffn_up_exps.weight").ToFloats(), wide.Weights.Get("blk.0.ffn_up_exps.weight").ToFloats());
    }

    [Fact]
    public void A_dropped_layer_a_narrower_network_and_an_untied_output_are_all_in_the_file()
    {
        using ModelPackage model = Synthesize("llama-tiny", "F32");
        Assert.True(model.Config.TiedEmbeddings);
        WeightOverlay changed = new(model.Weights);
        foreach (string name in model.Weights.Names.Where(name => name.StartsWith("blk.1.", StringComparison.Ordinal)))
        {
            changed.Replace(name.Replace("blk.1.", "blk.0.", StringComparison.Ordinal), model.Weights.Get(name));
        }

        changed.Replace("blk.0.ffn_gate.weight", Copy(model.Weights.Get("blk.1.ffn_gate.weight").Rows(0, 96)));
        changed.Replace("blk.0.ffn_up.weight", Copy(model.Weights.Get("blk.1.ffn_up.weight").Rows(0, 96)));
        float[] down = model.Weights.Get("blk.1.ffn_down.weight").ToFloats();
        changed.Replace("blk.0.ffn_down.weight", Tensor.Of([.. Enumerable.Range(0, 256).SelectMany(row => down.AsSpan(row * 256, 96).ToArray())], 256, 96));
        changed.Replace("output.weight", Copy(model.Weights.Get("token_embd.weight")));
        ModelConfig config = model.Config with { Layers = 1, Inner = 96, TiedEmbeddings = false };

        foreach (ExportFormat format in Enum.GetValues<ExportFormat>())
        {
            string path = _folder.File($"pruned-{format}.gguf");
            using ModelPackage pruned = Open(() => ModelExporter.Write(model, config, changed, new(format), path, null, TestContext.Current.CancellationToken), Path.GetFileName(path));
            Assert.Equal((1, 96, false), (pruned.Config.Layers, pruned.Config.Inner, pruned.Config.TiedEmbeddings));
            Assert.DoesNotContain(pruned.Weights.Names, name => name.StartsWith("blk.1", StringComparison.Ordinal));
            Assert.All(Logits(config, changed).Zip(Logits(pruned)), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }
    }

    [Fact]
    public void A_change_of_heads_states_the_width_of_a_head()
    {
        using ModelPackage model = Synthesize("glm4-tiny", "F32");
        ModelConfig config = model.Config with { Heads = 2, KvHeads = 1 };
        WeightOverlay changed = new(model.Weights);
        for (int layer = 0; layer < 2; layer++)
        {
            foreach ((string name, int rows) in new[] { ("attn_q", 128), ("attn_k", 64), ("attn_v", 64) })
            {
                changed.Replace($"blk.{layer}.{name}.weight", Copy(model.Weights.Get($"blk.{layer}.{name}.weight").Rows(0, rows)));
                changed.Replace($"blk.{layer}.{name}.bias", Tensor.Of(model.Weights.Get($"blk.{layer}.{name}.bias").ToFloats().AsSpan(0, rows), rows));
            }

            float[] output = model.Weights.Get($"blk.{layer}.attn_output.weight").ToFloats();
            changed.Replace($"blk.{layer}.attn_output.weight", Tensor.Of([.. Enumerable.Range(0, 256).SelectMany(row => output.AsSpan(row * 256, 128).ToArray())], 256, 128));
        }

        foreach (ExportFormat format in Enum.GetValues<ExportFormat>())
        {
            string path = _folder.File($"heads-{format}.gguf");
            using ModelPackage pruned = Open(() => ModelExporter.Write(model, config, changed, new(format), path, null, TestContext.Current.CancellationToken), Path.GetFileName(path));
            Assert.Equal((2, 1, 64, 32), (pruned.Config.Heads, pruned.Config.KvHeads, pruned.Config.HeadDim, pruned.Config.Rope.Dims));
            Assert.Equal(Logits(config, changed), Logits(pruned));
        }
    }

    [Fact]
    public void A_weight_that_the_configuration_does_not_fit_is_named_and_nothing_is_written()
    {
        using ModelPackage model = Synthesize("qwen3-tiny", "F32");
        foreach (ExportFormat format in Enum.GetValues<ExportFormat>())
        {
            ModelFormatException error = Assert.Throws<ModelFormatException>(() => ModelExporter.Write(model, model.Config with { Inner = 128 }, model.Weights, new(format), _folder.File("out"), null, TestContext.Current.CancellationToken));
            Assert.Contains("ffn_gate", error.Message, StringComparison.Ordinal);
            Assert.Throws<ModelFormatException>(() => ModelExporter.Write(model, model.Config with { Layers = 3 }, model.Weights, new(format), _folder.File("out"), null, TestContext.Current.CancellationToken));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root, "out*"));
    }

    [Fact]
    public void A_cancelled_export_leaves_nothing_and_a_full_folder_is_refused()
    {
        using ModelPackage model = Synthesize("qwen3-tiny", "F32");
        foreach (ExportFormat format in Enum.GetValues<ExportFormat>())
        {
            using CancellationTokenSource source = new();
            Progress steps = new(share =>
            {
                if (share > 0.4)
                {
                    source.Cancel();
                }
            });
            Assert.ThrowsAny<OperationCanceledException>(() => ModelExporter.Write(model, model.Config, model.Weights, new(format), _folder.File("out"), steps, source.Token));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root, "out*"));
        Directory.CreateDirectory(_folder.File("full"));
        File.WriteAllText(_folder.File("full", "letter.txt"), "mine");
        IOException refused = Assert.Throws<IOException>(() => ModelExporter.Write(model, model.Config, model.Weights, new(ExportFormat.Safetensors), _folder.File("full"), null, TestContext.Current.CancellationToken));
        Assert.Contains("not empty", refused.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_folder.File("full", "letter.txt")));
    }

    [Fact]
    public void Progress_rises_to_one()
    {
        using ModelPackage model = Synthesize("qwen3-tiny", "F32");
        foreach (ExportFormat format in Enum.GetValues<ExportFormat>())
        {
            List<double> seen = [];
            ModelExporter.Write(model, model.Config, model.Weights, new(format), _folder.File($"progress-{format}"), new Progress(seen.Add), TestContext.Current.CancellationToken);
            Assert.Equal(seen.Order(), seen);
            Assert.Equal(1, seen[^1], 1e-3);
        }
    }

    [Fact]
    public void A_name_and_a_longer_context_are_stated_in_the_file()
    {
        using ModelPackage model = Synthesize("qwen2-tiny", "F32");
        ModelConfig config = model.Config with { ContextLength = 8192, Rope = model.Config.Rope with { Base = 123456, PositionScale = 0.25f } };
        string path = _folder.File("long.gguf");
        using ModelPackage copy = Open(() => ModelExporter.Write(model, config, model.Weights, new(ExportFormat.Gguf) { Name = "long qwen" }, path, null, TestContext.Current.CancellationToken), "long.gguf");
        Assert.Equal("long qwen", copy.Name);
        Assert.Equal(config, copy.Config);
        Assert.Throws<ArgumentException>(() => ModelExporter.Write(model, config with { Architecture = "qwen3" }, model.Weights, new(ExportFormat.Gguf), path, null, TestContext.Current.CancellationToken));
    }

    static float Bf16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }

    static Tensor Copy(Tensor tensor) => Tensor.Of(tensor.ToFloats(), [.. tensor.Shape.Dims]);

    ModelPackage Synthesize(string shape, string format)
    {
        string path = _folder.File($"{shape}-{format}.gguf");
        ModelSynthesizer.Write(TinyShapes.Find(shape), format, path, cancellation: TestContext.Current.CancellationToken);
        return ModelPackage.Open(path);
    }

    ModelPackage Write(ModelPackage model, ExportFormat format, string name) =>
        Open(() => ModelExporter.Write(model, model.Config, model.Weights, new(format), _folder.File(name), null, TestContext.Current.CancellationToken), name);

    ModelPackage Open(Action write, string name)
    {
        write();
        return ModelPackage.Open(_folder.File(name));
    }

    float[] Logits(ModelPackage model) => Logits(model.Config, model.Weights);

    float[] Logits(ModelConfig config, IWeights weights)
    {
        using ModelProbe probe = new(config, weights, _cpu, new ProbeOptions(Window.Length, TensorFormat.F32));
        probe.Run(Window);
        return [.. Enumerable.Range(0, Window.Length).SelectMany(position => probe.Logits(position).ToArray())];
    }

    sealed class Progress(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
