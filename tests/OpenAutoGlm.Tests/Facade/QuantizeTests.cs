using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Facade;

public sealed class QuantizeTests : IDisposable
{
    readonly TemporaryFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task A_model_goes_on_in_another_format_which_is_made_once()
    {
        using AutoInferenceEngine engine = AutoInferenceEngine.FromPretrained("synth:qwen3-tiny:F32", SyntheticEngine.In(_cache.Root));
        long before = Bytes(engine);
        Assert.Same(engine, engine.Quantize("int8", cancellation: TestContext.Current.CancellationToken));
        Assert.InRange(Bytes(engine), before / 5, before / 3);
        Assert.Equal(0, _cache.OpenMappings - OpenMappingsOf("quantized"));
        string answer = await engine.GenerateAsync("Hello", SamplingOptions.Greedy, maxTokens: 6, TestContext.Current.CancellationToken);
        string file = Assert.Single(Directory.GetFiles(_cache.File("quantized")));
        DateTime written = File.GetLastWriteTimeUtc(file);

        using AutoInferenceEngine again = AutoInferenceEngine.FromPretrained("synth:qwen3-tiny:F32", SyntheticEngine.In(_cache.Root)).Quantize("q8_0", cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(written, File.GetLastWriteTimeUtc(file));
        Assert.Equal(answer, await again.GenerateAsync("Hello", SamplingOptions.Greedy, maxTokens: 6, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("Q4_K_M", TensorFormat.Q4_K)]
    [InlineData("bf16", TensorFormat.BF16)]
    [InlineData("F32", TensorFormat.F32)]
    public void Matrices_change_and_norms_stay_and_so_does_what_the_file_says(string format, TensorFormat expected)
    {
        using ModelPackage source = ModelPackage.Open(SyntheticModels.Make(new ModelName.Synthetic("glm4-tiny", "F16"), _cache.Root, TestContext.Current.CancellationToken));
        string path = _cache.File("out.gguf");
        GgufQuantizer.Write(source, format, path, cancellation: TestContext.Current.CancellationToken);
        using ModelPackage written = ModelPackage.Open(path);
        Assert.Equal(expected, written.Weights.Get("blk.0.attn_q.weight").Format);
        Assert.Equal(TensorFormat.F32, written.Weights.Get("blk.0.attn_norm.weight").Format);
        Assert.Equal(source.Weights.Stored.Select(tensor => tensor.Name), written.Weights.Stored.Select(tensor => tensor.Name));
        Assert.Equal(source.ChatTemplates.Default, written.ChatTemplates.Default);
        Assert.Equal(source.Tokenizer!.Encode("the numbers 数字"), written.Tokenizer!.Encode("the numbers 数字"));
        float[] before = source.Weights.Get("blk.1.ffn_down.weight").ToFloats();
        float[] after = written.Weights.Get("blk.1.ffn_down.weight").ToFloats();
        double error = before.Zip(after, (x, y) => (double)(x - y) * (x - y)).Sum() / before.Sum(x => (double)x * x);
        Assert.InRange(error, 0, format == "F32" ? 0 : format == "bf16" ? 1e-5 : 2e-2);
    }

    [Fact]
    public void An_unknown_format_is_refused_with_the_known_ones_and_the_engine_goes_on()
    {
        using AutoInferenceEngine engine = AutoInferenceEngine.FromPretrained("synth:llama-tiny", SyntheticEngine.In(_cache.Root));
        Assert.Contains("int8, int4", Assert.Throws<ArgumentException>(() => engine.Quantize("int3", cancellation: TestContext.Current.CancellationToken)).Message);
        Assert.True(engine.CanChat);
    }

    int OpenMappingsOf(string part) => File.Exists("/proc/self/maps")
        ? File.ReadLines("/proc/self/maps").Count(line => line.Contains(_cache.File(part), StringComparison.Ordinal))
        : 0;

    static long Bytes(AutoInferenceEngine engine) => engine.Model.Weights.Stored.Sum(tensor => tensor.Bytes);
}
