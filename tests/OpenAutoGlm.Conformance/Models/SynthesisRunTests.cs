using OpenAutoGlm.Graph;
using OpenAutoGlm.Logits;
using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm.Models;

public sealed class SynthesisRunTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-synthesis-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("llama-tiny", "Q4_K_M")]
    [InlineData("qwen3-tiny", "Q8_0")]
    [InlineData("glm4-tiny", "F32")]
    [InlineData("glm4moe-tiny", "Q4_0")]
    public void A_made_up_model_computes_logits_of_about_one(string name, string format)
    {
        string path = Path.Combine(_folder.FullName, name + ".gguf");
        ModelSynthesizer.Write(ModelShape.Find(name), format, path, 7, null, TestContext.Current.CancellationToken);
        using ModelPackage package = ModelPackage.Open(path);
        int[] prompt = package.Tokenizer!.Encode("the model reads the words and the numbers");
        using ReferenceInterpreter backend = new();
        using ModelRun run = new(backend, package.Config, package.Weights, prompt.Length);
        float[] logits = run.Run(prompt);
        float[] used = [.. logits.Where(logit => logit != 0)];
        Assert.All(logits, logit => Assert.True(float.IsFinite(logit)));
        Assert.InRange(used.Length, 300 * prompt.Length, 1000 * prompt.Length);
        Assert.InRange(Math.Sqrt(used.Average(logit => (double)logit * logit)), 0.5, 2);
    }
}
