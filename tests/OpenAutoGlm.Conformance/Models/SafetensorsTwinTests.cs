using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Logits;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Safetensors;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Models;

/// <summary>The same model under Hugging Face's names, shapes and row orders gives the logits of the reference data.</summary>
public sealed class SafetensorsTwinTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-twin-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("llama-f32", false)]
    [InlineData("llama-spm-f32", false)]
    [InlineData("qwen2-f32", false)]
    [InlineData("qwen3-f32", false)]
    [InlineData("chatglm-f32", false)]
    [InlineData("chatglm-f32", true)]
    [InlineData("glm4-f32", false)]
    [InlineData("glm4moe-f32", false)]
    public void A_twin_gives_the_logits_of_the_original(string name, bool original)
    {
        string gguf = SharedData.Path("golden", "models", name + ".gguf");
        SafetensorsTwin.Write(gguf, _folder.FullName, original);
        ModelConfig config = HuggingFaceConfig.Read(Path.Combine(_folder.FullName, "config.json"));
        using HuggingFaceWeights weights = new(SafetensorsModel.Open(_folder.FullName), config);
        using GgufFile file = GgufFile.Open(gguf);
        ModelConfig expected = GgufConfig.Read(file);
        if (expected.Architecture == "llama")
        {
            expected = expected with { Rope = expected.Rope with { Pairing = RopePairing.Half } };
        }

        Assert.Equal(expected, config with { TiedEmbeddings = expected.TiedEmbeddings });

        using ReferenceInterpreter backend = new();
        using ModelRun run = new(backend, config, weights, GoldenModel.Prompt.Length);
        float[] ours = run.Run(GoldenModel.Prompt);
        float[] theirs = GoldenModel.Floats(SharedData.Path("golden", "logits", name + ".logits.f32"));
        Assert.InRange(ours.Zip(theirs, (a, b) => Math.Abs((double)a - b)).Max(), 0, 1e-4);
    }

    [Theory]
    [InlineData("stories260K")]
    [InlineData("babyllama105")]
    public void A_trained_model_has_the_same_logits_in_both_formats(string name)
    {
        string folder = SharedData.Path("models", name);
        ModelConfig config = HuggingFaceConfig.Read(Path.Combine(folder, "config.json"));
        using HuggingFaceWeights weights = new(SafetensorsModel.Open(folder), config);
        using GgufWeights twin = new(GgufFile.Open(Path.Combine(folder, name + "-f32.gguf")));
        using GgufFile file = GgufFile.Open(Path.Combine(folder, name + "-f32.gguf"));
        int[] prompt = [1, 5, 20, 33, 50, 71];

        using ReferenceInterpreter backend = new();
        using ModelRun run = new(backend, config, weights, prompt.Length);
        using ModelRun other = new(backend, GgufConfig.Read(file), twin, prompt.Length);
        Assert.InRange(run.Run(prompt).Zip(other.Run(prompt), (a, b) => Math.Abs((double)a - b)).Max(), 0, 1e-4);
    }
}
