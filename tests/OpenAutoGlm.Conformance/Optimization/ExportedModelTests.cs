using OpenAutoGlm.Graph;
using OpenAutoGlm.Logits;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Safetensors;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Models.Tokenizers.Loading;
using OpenAutoGlm.Models.Tokenizers.Saving;

namespace OpenAutoGlm.Optimization;

/// <summary>What is exported is what others made of the same model: their logits, their tensors, their tokenizers.</summary>
public sealed class ExportedModelTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-export-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("llama-f32")]
    [InlineData("llama-spm-f32")]
    [InlineData("qwen2-f32")]
    [InlineData("qwen3-f32")]
    [InlineData("chatglm-f32")]
    [InlineData("glm4-f32")]
    [InlineData("glm4moe-f32")]
    public void A_reference_model_keeps_its_logits_through_safetensors_and_back(string name)
    {
        float[] theirs = GoldenModel.Floats(SharedData.Path("golden", "logits", name + ".logits.f32"));
        using ModelPackage model = ModelPackage.Open(SharedData.Path("golden", "models", name + ".gguf"));
        string folder = Path.Combine(_folder.FullName, "folder"), file = Path.Combine(_folder.FullName, "back.gguf");
        SafetensorsModelWriter.Write(model, model.Config, model.Weights, folder, cancellation: TestContext.Current.CancellationToken);
        using ModelPackage twin = ModelPackage.Open(folder);
        GgufModelWriter.Write(twin, twin.Config, twin.Weights, file, cancellation: TestContext.Current.CancellationToken);
        using ModelPackage back = ModelPackage.Open(file);

        Assert.Equal(model.Tokenizer!.Encode("hello world 123"), back.Tokenizer!.Encode("hello world 123"));
        foreach (ModelPackage copy in new[] { twin, back })
        {
            using ReferenceInterpreter backend = new();
            using ModelRun run = new(backend, copy.Config, copy.Weights, GoldenModel.Prompt.Length);
            Assert.InRange(run.Run(GoldenModel.Prompt).Zip(theirs, (a, b) => Math.Abs((double)a - b)).Max(), 0, 1e-4);
        }
    }

    [Theory]
    [InlineData("stories260K")]
    [InlineData("babyllama105")]
    public void A_folder_becomes_the_gguf_file_that_the_published_converter_made(string name)
    {
        using ModelPackage folder = ModelPackage.Open(SharedData.Path("models", name));
        using ModelPackage published = ModelPackage.Open(SharedData.Path("models", name, name + "-f32.gguf"));
        string file = Path.Combine(_folder.FullName, "made.gguf");
        GgufModelWriter.Write(folder, folder.Config, folder.Weights, file, cancellation: TestContext.Current.CancellationToken);
        using ModelPackage made = ModelPackage.Open(file);

        Assert.Equal(published.Weights.Names.Order(StringComparer.Ordinal), made.Weights.Names.Order(StringComparer.Ordinal));
        Assert.All(published.Weights.Names, weight => Assert.Equal(published.Weights.Get(weight).ToFloats(), made.Weights.Get(weight).ToFloats()));
    }

    [Theory]
    [InlineData("llama2", "llama", 32000)]
    [InlineData("llama3", "llama", 128256)]
    [InlineData("qwen2.5", "qwen2", 151936)]
    [InlineData("glm4", "glm4", 151552)]
    [InlineData("gpt2", "llama", 50257)]
    public void A_published_tokenizer_can_be_said_in_a_gguf_file(string name, string architecture, int rows)
    {
        Tokenizer tokenizer = TokenizerLoader.FromFolder(SharedData.Path("tokenizers", name));
        GgufVocabulary vocabulary = GgufVocabularyMaker.Make(tokenizer, rows, architecture);
        Tokenizer copy = TokenizerLoader.FromGguf(vocabulary);
        string text = File.ReadAllText(SharedData.Path("eval", "prose", "war_and_peace_part.txt"))[..20_000];
        Assert.Equal(tokenizer.Encode(text, addSpecials: false), copy.Encode(text, addSpecials: false));
        Assert.Equal(tokenizer.EosId, copy.EosId);
    }

    [Theory]
    [InlineData("tokenizers", "llama.cpp-vocabs", "ggml-vocab-llama-spm.gguf")]
    [InlineData("tokenizers", "llama.cpp-vocabs", "ggml-vocab-gpt-2.gguf")]
    [InlineData("golden", "tokenizer", "gpt2vocab-llama-bpe.gguf")]
    [InlineData("golden", "tokenizer", "gpt2vocab-qwen2.gguf")]
    [InlineData("golden", "tokenizer", "gpt2vocab-chatglm-bpe.gguf")]
    [InlineData("golden", "tokenizer", "gpt2vocab-glm4.gguf")]
    public void A_published_vocabulary_becomes_the_files_of_a_folder(params string[] path)
    {
        using GgufFile file = GgufFile.Open(SharedData.Path(path));
        Tokenizer tokenizer = TokenizerLoader.FromGguf(file.Metadata);
        HuggingFaceTokenizerWriter.Write(_folder.FullName, tokenizer);
        Tokenizer copy = TokenizerLoader.FromFolder(_folder.FullName);
        string text = File.ReadAllText(SharedData.Path("eval", "prose", "war_and_peace_part.txt"))[..20_000];
        Assert.Equal(tokenizer.Encode(text), copy.Encode(text));
        Assert.Equal(tokenizer.EosIds, copy.EosIds);
    }
}
