using System.Runtime.InteropServices;
using System.Text.Json;

namespace OpenAutoGlm.Cli;

/// <summary>Small trained models through the real program: their golden tokens and logits come from a float64 reference.</summary>
[Trait("Matrix", "yes")]
public sealed class TrainedModelTests : IDisposable
{
    /// <summary>The golden logits have five decimals; the rest is float32 against float64.</summary>
    const float Tolerance = 2e-4f;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-cli-");

    public static TheoryData<string, string, string> Models => new()
    {
        { "stories260K", "stories260K-f32.gguf", "cpu" },
        { "stories260K", "stories260K-f32.gguf", "reference" },
        { "stories260K", ".", "cpu" },
        { "babyllama105", "babyllama105-f32.gguf", "cpu" },
        { "babyllama105", ".", "cpu" },
    };

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Greedy_tokens_equal_the_golden_ones(string model, string file, string backend)
    {
        int[] golden = Golden(model).GetProperty("greedy_ids").Deserialize<int[]>()!;
        string output = await AutoglmProcess.Run(
            "generate", "--model", SharedData.Path("models", model, file), "--prompt-ids", "1", "--max-tokens", "64", "--temperature", "0", "--ignore-eos", "--output", "json", "--backend", backend);
        JsonElement answer = JsonDocument.Parse(output).RootElement;
        Assert.Equal(golden[1..], answer.GetProperty("ids").Deserialize<int[]>());
        Assert.Equal("length", answer.GetProperty("finishReason").GetString());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task First_and_last_logits_equal_the_golden_ones(string model, string file, string backend)
    {
        JsonElement golden = Golden(model);
        int[] ids = golden.GetProperty("greedy_ids").Deserialize<int[]>()!;
        string path = Path.Combine(_folder.FullName, "logits.bin");

        // Keys and values in BF16, the default, are good for 3e-3; the golden rows are float32 throughout.
        await AutoglmProcess.Run(
            "logits", "--model", SharedData.Path("models", model, file), "--prompt-ids", string.Join(',', ids[..^1]), "--output", path, "--backend", backend, "--kv-format", "f32");
        float[] rows = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray();
        float[] first = golden.GetProperty("logits_first_row").Deserialize<float[]>()!;
        float[] last = golden.GetProperty("logits_last_row").Deserialize<float[]>()!;
        Assert.Equal((ids.Length - 1) * first.Length, rows.Length);
        AssertNear(first, rows[..first.Length]);
        AssertNear(last, rows[^last.Length..]);
    }

    [Fact]
    public async Task Run_tells_a_story()
    {
        string story = await AutoglmProcess.Run(
            "run", "--model", SharedData.Path("models", "stories260K", "stories260K-f32.gguf"), "--temperature", "0", "--max-tokens", "60", "Once upon a time");
        Assert.StartsWith(", there was a little girl named Lily. She loved to play outside in the park.", story);
        Assert.EndsWith("\n", story);
    }

    [Fact]
    public async Task Tokenize_and_back()
    {
        string model = SharedData.Path("models", "stories260K", "stories260K-f32.gguf");
        JsonElement split = JsonDocument.Parse(await AutoglmProcess.Run("tokenize", "--model", model, "--text", "Once upon a time", "--output", "json")).RootElement;
        Assert.Equal([403, 407, 261, 378], split.GetProperty("ids").Deserialize<int[]>()!);
        JsonElement joined = JsonDocument.Parse(await AutoglmProcess.Run("tokenize", "--model", model, "--ids", "403,407,261,378", "--output", "json")).RootElement;
        Assert.Equal("Once upon a time", joined.GetProperty("text").GetString());
    }

    static JsonElement Golden(string model) => JsonDocument.Parse(File.ReadAllText(SharedData.Path("models", model, "golden.json"))).RootElement;

    static void AssertNear(float[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= Tolerance, $"logit {i} is {actual[i]}; golden is {expected[i]}.");
        }
    }
}
