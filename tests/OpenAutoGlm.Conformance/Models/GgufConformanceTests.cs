using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models;

public class GgufConformanceTests
{
    [Theory]
    [InlineData("golden", "models")]
    [InlineData("golden", "tokenizer")]
    [InlineData("models", "stories260K")]
    [InlineData("models", "babyllama105")]
    [InlineData("tokenizers", "llama.cpp-vocabs")]
    public void Files_that_llama_cpp_wrote_are_read_to_the_last_value(string first, string second)
    {
        string[] paths = Directory.GetFiles(SharedData.Path(first, second), "*.gguf");
        Assert.NotEmpty(paths);
        foreach (string path in paths)
        {
            using GgufFile file = GgufFile.Open(path);
            Assert.NotEmpty(file.Metadata.GetString("general.architecture"));
            Assert.NotEmpty(file.Metadata.GetStringArray("tokenizer.ggml.tokens"));
            Assert.All(file.Metadata.Keys, key => Assert.NotEmpty(file.Metadata.Display(key)));
            Assert.All(file.Tensors, tensor => Assert.NotNull(tensor.Format));

            long end = file.Tensors.Select(tensor => tensor.Offset + tensor.Bytes).DefaultIfEmpty(file.Bytes).Max();
            Assert.InRange(file.Bytes - end, 0, file.Alignment - 1);
        }
    }
}
