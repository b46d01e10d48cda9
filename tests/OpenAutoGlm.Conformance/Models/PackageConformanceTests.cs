using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Packages;
using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm.Models;

public class PackageConformanceTests
{
    [Fact]
    public void Every_model_of_the_shared_data_is_opened_and_described()
    {
        string[] paths =
        [
            .. Directory.GetFiles(SharedData.Path("golden", "models"), "*.gguf"),
            .. Directory.GetFiles(SharedData.Path("models"), "*.gguf", SearchOption.AllDirectories),
            .. Directory.GetFiles(SharedData.Path("models"), "*.safetensors", SearchOption.AllDirectories),
        ];
        Assert.True(paths.Length >= 40);
        foreach (string path in paths)
        {
            using ModelPackage package = ModelPackage.Open(path);
            ModelSummary summary = package.Summarize();
            Assert.True(summary.Parameters > 100_000, path);
            Assert.All(package.Weights.Names, name => Assert.NotNull(package.Weights.Get(name)));
            Assert.Contains(package.Config.Architecture, package.Describe());
        }
    }

    /// <summary>Made-up models have the tensors, and in mixtures the formats, of those that llama.cpp's quantiser wrote.</summary>
    [Theory]
    [InlineData("llama-w256-Q4_K_M", "Q4_K_M")]
    [InlineData("qwen2-w256-Q4_K_M", "Q4_K_M")]
    [InlineData("qwen3-w256-Q4_K_M", "Q4_K_M")]
    [InlineData("chatglm-w256-Q4_K_M", "Q4_K_M")]
    [InlineData("glm4-w256-Q4_K_M", "Q4_K_M")]
    [InlineData("glm4moe-w256-Q4_K_M", "Q4_K_M")]
    [InlineData("glm4moe-w256-Q8_0", "Q8_0")]
    [InlineData("chatglm-w256-Q8_0", "Q8_0")]
    [InlineData("glm4moe-w256-MXFP4_MOE", "MXFP4_MOE")]
    public void Planned_tensors_are_those_of_the_reference_files(string name, string format)
    {
        using GgufFile file = GgufFile.Open(SharedData.Path("golden", "models", name + ".gguf"));
        Dictionary<string, string> expected = file.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ToString());
        var config = GgufConfig.Read(file);
        ModelShape shape = new(
            name,
            config,
            QkvBias: expected.ContainsKey("blk.0.attn_q.bias") || expected.ContainsKey("blk.0.attn_qkv.bias"),
            HeadNorms: expected.ContainsKey("blk.0.attn_q_norm.weight"));
        FormatMixture mixture = FormatMixture.Find(format);
        Dictionary<string, string> planned = PlannedTensor.For(shape).ToDictionary(
            tensor => tensor.Name,
            tensor => new TensorInfo(tensor.Name, tensor.Extents, mixture.For(tensor, config).ToString(), null, 0, 0).ToString());
        Assert.Equal(expected.Values.Order(StringComparer.Ordinal), planned.Values.Order(StringComparer.Ordinal));
    }
}
