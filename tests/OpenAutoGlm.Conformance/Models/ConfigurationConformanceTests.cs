using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models;

public class ConfigurationConformanceTests
{
    [Theory]
    [InlineData("configs/autoglm-phone-9b.RECONSTRUCTED.json", "glm4", 40, 4096, 32, 2, 128, 64, 1e4f)]
    [InlineData("configs/glm-4-9b-0414.json", "glm4", 40, 4096, 32, 2, 128, 64, 1e4f)]
    [InlineData("configs/glm-4-9b-chat-hf.json", "glm", 40, 4096, 32, 2, 128, 64, 5e6f)]
    [InlineData("configs/glm-asr-nano-2512.json", "llama", 28, 2048, 16, 4, 128, 128, 1e4f)]
    [InlineData("configs/glm-edge-1.5b-chat.json", "glm", 28, 2048, 16, 4, 128, 128, 1e4f)]
    [InlineData("tokenizers/chatglm3/config.json", "glm", 28, 4096, 32, 2, 128, 64, 1e4f)]
    [InlineData("tokenizers/glm4/config.json", "glm", 40, 4096, 32, 2, 128, 64, 5e6f)]
    [InlineData("tokenizers/glm4v/config.json", "glm4", 40, 4096, 32, 2, 128, 64, 1e4f)]
    [InlineData("tokenizers/llama3/config.json", "llama", 28, 3072, 24, 8, 128, 128, 5e5f)]
    [InlineData("tokenizers/qwen2.5/config.json", "qwen2", 28, 3584, 28, 4, 128, 128, 1e6f)]
    [InlineData("tokenizers/qwen3/config.json", "qwen3", 36, 2560, 32, 8, 128, 128, 1e6f)]
    [InlineData("models/babyllama105/config.json", "llama", 5, 128, 8, 4, 16, 16, 1e4f)]
    [InlineData("models/stories260K/config.json", "llama", 5, 64, 8, 4, 8, 8, 1e4f)]
    public void Published_configurations_are_read(string path, string architecture, int layers, int hidden, int heads, int kvHeads, int headDim, int ropeDims, float ropeBase)
    {
        ModelConfig config = HuggingFaceConfig.Read(SharedData.Path(path.Split('/')));
        Assert.Equal((architecture, layers, hidden, heads, kvHeads, headDim), (config.Architecture, config.Layers, config.Hidden, config.Heads, config.KvHeads, config.HeadDim));
        Assert.Equal((ropeDims, ropeBase), (config.Rope.Dims, config.Rope.Base));
    }

    [Fact]
    public void Every_configuration_in_the_shared_data_is_read()
    {
        string[] paths = [.. Directory.GetFiles(SharedData.Path("configs"), "*.json"), .. Directory.GetFiles(SharedData.Path("tokenizers"), "config.json", SearchOption.AllDirectories)];
        Assert.True(paths.Length >= 11);
        Assert.All(paths, path => Assert.NotNull(HuggingFaceConfig.Read(path)));
    }

    [Fact]
    public void Every_model_that_llama_cpp_wrote_is_understood()
    {
        foreach (string path in Directory.GetFiles(SharedData.Path("golden", "models"), "*.gguf"))
        {
            using GgufFile file = GgufFile.Open(path);
            ModelConfig config = GgufConfig.Read(file);
            Assert.Equal(1024, config.Vocab);
            Assert.Equal(512, config.ContextLength);
            Assert.Equal(config.Architecture is "llama" or "glm" or "glm4" ? RopePairing.Interleaved : RopePairing.Half, config.Rope.Pairing);
        }
    }
}
