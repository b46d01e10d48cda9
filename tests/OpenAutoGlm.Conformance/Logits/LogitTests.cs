using System.Text.Json;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Logits;

/// <summary>Every architecture and format against logits that nobody here computed.</summary>
[Trait("Matrix", "yes")]
public class LogitTests
{
    public static TheoryData<string> Plain => ["llama-f32", "llama-spm-f32", "qwen2-f32", "qwen3-f32", "chatglm-f32", "glm4-f32", "glm4moe-f32"];

    /// <summary>Every quantised model that has an exact twin.</summary>
    public static TheoryData<string> Quantised => [
        "chatglm-w256-Q4_K_M", "chatglm-w256-Q8_0",
        "glm4-w256-BF16", "glm4-w256-F16", "glm4-w256-IQ4_NL", "glm4-w256-IQ4_XS", "glm4-w256-MXFP4", "glm4-w256-Q2_K",
        "glm4-w256-Q4_0", "glm4-w256-Q4_1", "glm4-w256-Q4_K_M", "glm4-w256-Q4_K_S", "glm4-w256-Q5_0", "glm4-w256-Q5_1",
        "glm4-w256-Q6_K", "glm4-w256-Q8_0",
        "glm4moe-w256-MXFP4_MOE", "glm4moe-w256-Q4_K_M", "glm4moe-w256-Q8_0",
        "llama-w256-MXFP4", "llama-w256-Q4_0", "llama-w256-Q4_K_M", "llama-w256-Q4_K_S", "llama-w256-Q6_K", "llama-w256-Q8_0",
        "qwen2-w256-Q4_K_M", "qwen2-w256-Q8_0", "qwen3-w256-Q4_K_M", "qwen3-w256-Q8_0"];

    [Theory]
    [MemberData(nameof(Plain))]
    public void The_reference_interpreter_agrees_with_every_F32_model_to_1e_4(string name)
    {
        using ReferenceInterpreter backend = new();
        Assert.InRange(Compare(backend, name, "logits").Largest, 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Quantised))]
    public void The_reference_interpreter_agrees_with_exact_arithmetic_to_1e_4(string name)
    {
        using ReferenceInterpreter backend = new();
        Assert.InRange(Compare(backend, name, "exact").Largest, 0, 1e-4);
    }

    [Fact]
    public void Every_golden_model_is_in_one_of_the_lists()
    {
        string[] listed = [.. Plain.Concat(Quantised).Select(row => row.Data)];
        string[] files = [.. Directory.EnumerateFiles(SharedData.Path("golden", "models"), "*.gguf").Select(file => Path.GetFileNameWithoutExtension(file)!)];
        Assert.Equal(files.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Plain))]
    public void Greedy_ids_are_those_of_the_reference_data(string name)
    {
        using ReferenceInterpreter backend = new();
        using GoldenModel model = GoldenModel.Open(name);
        using ModelRun run = new(backend, model.Config, model, GoldenModel.Prompt.Length + 33);
        int[] expected = [.. model.Facts("logits").GetProperty("greedy").EnumerateArray().Select(id => id.GetInt32())];
        int[] ids = run.Greedy(GoldenModel.Prompt, expected.Length);
        Assert.Equal(expected, ids[GoldenModel.Prompt.Length..]);
    }

    /// <summary>Where a model goes wrong: each named intermediate, in the order in which it is computed.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("chatglm")]
    [InlineData("qwen3")]
    [InlineData("glm4")]
    [InlineData("glm4moe")]
    public void Every_known_intermediate_agrees_to_1e_4(string name)
    {
        using ReferenceInterpreter backend = new();
        using GoldenModel model = GoldenModel.Open(name + "-f32");
        using ModelRun run = new(backend, model.Config, model, GoldenModel.Prompt.Length);
        Dictionary<string, float[]> expected = Intermediates(name);
        int compared = 0;
        run.Run(GoldenModel.Prompt, step =>
        {
            Value output = step.Node.Outputs[0];
            if (GoldenName(output.Name, name) is { } golden && expected.TryGetValue(golden, out float[]? values))
            {
                float[] ours = run.Execution[output].Floats.ToArray();
                double worst = ours.Zip(values, (a, b) => Math.Abs((double)a - b)).Max();
                Assert.True(ours.Length == values.Length && worst <= 1e-4, $"{output.Name} differs from {golden} by {worst:E2}");
                compared++;
            }
        });
        Assert.True(compared >= 4 * model.Config.Layers, $"only {compared} intermediates were compared");
    }

    internal static (double Largest, double RelativeRms) Compare(IBackend backend, string name, string folder, TensorFormat kvFormat = TensorFormat.F32)
    {
        using GoldenModel model = GoldenModel.Open(name);
        using ModelRun run = new(backend, model.Config, model, GoldenModel.Prompt.Length, kvFormat);
        float[] ours = run.Run(GoldenModel.Prompt);
        float[] theirs = model.Expected(folder);
        Assert.Equal(theirs.Length, ours.Length);
        double largest = ours.Zip(theirs, (a, b) => Math.Abs((double)a - b)).Max();
        double mean = theirs.Average(value => (double)value);
        double deviation = Math.Sqrt(theirs.Average(value => (value - mean) * (value - mean)));
        double rms = Math.Sqrt(ours.Zip(theirs, (a, b) => ((double)a - b) * ((double)a - b)).Average()) / deviation;
        TestContext.Current.TestOutputHelper?.WriteLine($"{backend.Name} {name} against {folder}: largest {largest:E2}, relative RMS {rms:P3}");
        return (largest, rms);
    }

    static string? GoldenName(string ours, string model)
    {
        if (ours == "output_norm")
        {
            return "result_norm";
        }

        if (!ours.StartsWith("blk.", StringComparison.Ordinal))
        {
            return null;
        }

        string[] parts = ours.Split('.', 3);
        string? kind = parts[2] switch
        {
            "attn_norm" => "attn_norm",
            "q_rope" => "Qcur",
            "k_rope" => "Kcur",
            "attn_rows" => "kqv_out",
            "attn_residual" => "ffn_inp",
            "ffn_norm" => "ffn_norm",
            "post_attention_norm" when model == "glm4moe" => "post_attn_norm",
            "ffn_residual" => "l_out",
            _ => null,
        };
        return kind is null ? null : $"{kind}-{parts[1]}";
    }

    /// <summary>The last entry of each name: after bias, norm and rotation.</summary>
    static Dictionary<string, float[]> Intermediates(string name)
    {
        float[] all = GoldenModel.Floats(SharedData.Path("golden", "tensors", name + ".tensors.bin"));
        using JsonDocument index = JsonDocument.Parse(File.ReadAllText(SharedData.Path("golden", "tensors", name + ".tensors.json")));
        Dictionary<string, float[]> tensors = [];
        foreach (JsonElement entry in index.RootElement.EnumerateArray().Where(entry => entry.GetProperty("type").GetString() == "f32"))
        {
            int count = entry.GetProperty("ne").EnumerateArray().Aggregate(1, (product, extent) => product * extent.GetInt32());
            tensors[entry.GetProperty("name").GetString()!] = all.AsSpan(entry.GetProperty("offset").GetInt32() / sizeof(float), count).ToArray();
        }

        return tensors;
    }
}
