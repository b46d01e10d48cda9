using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Conformance.Tokenizers;

/// <summary>The ids llama.cpp gives for its own test strings, for every vocabulary and pre-tokenizer at hand.</summary>
public class LlamaCppGoldenTests
{
    const string Separator = "\n__ggml_vocab_test__\n";

    public static TheoryData<string> PreTokenizers => ["gpt-2", "llama-bpe", "qwen2", "glm4", "chatglm-bpe"];

    public static TheoryData<string, string> TinyModels => new()
    {
        { "chatglm", "chatglm-f32" },
        { "glm4", "glm4-f32" },
        { "llama", "llama-f32" },
        { "llama-spm", "llama-spm-f32" },
        { "qwen2", "qwen2-f32" },
    };

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void Every_string_gets_the_ids_of_its_pre_tokenizer(string pre)
    {
        string folder = SharedData.Path("golden", "tokenizer");
        Tokenizer tokenizer = Load(Path.Combine(folder, $"gpt2vocab-{pre}.gguf"));
        string[] texts = File.ReadAllText(Path.Combine(folder, "tests.inp")).Split(Separator);
        Compare(tokenizer, texts, Path.Combine(folder, $"gpt2vocab-{pre}.tests.out"), parseSpecials: false);
    }

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void Special_tokens_are_parsed_on_request(string pre)
    {
        string folder = SharedData.Path("golden", "tokenizer");
        Tokenizer tokenizer = Load(Path.Combine(folder, $"gpt2vocab-{pre}.gguf"));
        string[] texts = File.ReadAllText(Path.Combine(folder, "tests-special.inp")).Split(Separator);
        Compare(tokenizer, texts, Path.Combine(folder, $"gpt2vocab-{pre}.special.out"), parseSpecials: true);
    }

    [Theory]
    [MemberData(nameof(TinyModels))]
    public void Tiny_vocabularies_fall_back_to_bytes_as_llama_cpp_does(string name, string model)
    {
        string[] texts = File.ReadAllText(SharedData.Path("golden", "tokenizer", "tests.inp")).Split(Separator);
        Tokenizer tokenizer = Load(SharedData.Path("golden", "models", model + ".gguf"));
        Compare(tokenizer, texts, SharedData.Path("golden", "tokenizer", $"tiny-{name}.out"), parseSpecials: false);
    }

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    public void Published_vocabularies_give_the_published_ids(string name)
    {
        string file = SharedData.Path("tokenizers", "llama.cpp-vocabs", $"ggml-vocab-{name}.gguf");
        Compare(Load(file), File.ReadAllText(file + ".inp").Split(Separator), file + ".out", parseSpecials: false);
    }

    [Theory]
    [InlineData("llama-bpe", "llama3")]
    [InlineData("qwen2", "qwen2.5")]
    [InlineData("gpt-2", "gpt2")]
    [InlineData("llama-spm", "llama2")]
    public void The_model_s_own_files_give_the_published_ids(string name, string folder)
    {
        string texts = SharedData.Path("tokenizers", "llama.cpp-vocabs", $"ggml-vocab-{name}.gguf.inp");
        string expected = SharedData.Path("tokenizers", "llama.cpp-vocabs", $"ggml-vocab-{name}.gguf.out");
        Compare(TokenizerLoader.FromFolder(SharedData.Path("tokenizers", folder)), File.ReadAllText(texts).Split(Separator), expected, parseSpecials: false);
    }

    internal static Tokenizer Load(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return TokenizerLoader.FromGguf(file.Metadata);
    }

    internal static void Compare(Tokenizer tokenizer, string[] texts, string expectedFile, bool parseSpecials)
    {
        // The last text is empty where the file ends in a separator, and so is its line.
        string[] expected = [.. File.ReadAllLines(expectedFile), .. texts[^1].Length == 0 ? [""] : Array.Empty<string>()];
        Assert.True(texts.Length == expected.Length, $"{texts.Length} texts, {expected.Length} answers");
        List<string> wrong = [];
        for (int i = 0; i < texts.Length; i++)
        {
            string ids = string.Join(' ', tokenizer.Encode(texts[i], parseSpecials, addSpecials: false));
            if (ids != expected[i].Trim())
            {
                wrong.Add($"\"{texts[i]}\": {ids}, expected {expected[i].Trim()}");
            }
        }

        Assert.True(wrong.Count == 0, $"{texts.Length - wrong.Count} of {texts.Length} agree.\n{string.Join('\n', wrong)}");
    }
}
