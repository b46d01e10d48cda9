using System.Text;
using System.Text.Json;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Conformance.Tokenizers;

/// <summary>Tokenizers as their authors published them: every form readable, equal where two forms are the same, nothing lost.</summary>
public class PublishedTokenizerTests(ITestOutputHelper output)
{
    public static TheoryData<string, string> Files => new()
    {
        { "chatglm3", "tokenizer.model" },
        { "glm4", "tokenizer.model" },
        { "gpt2", "" },
        { "llama2", "tokenizer.json" },
        { "llama2", "tokenizer.model" },
        { "llama3", "tokenizer.model" },
        { "qwen2.5", "" },
        { "whisper", "gpt2.tiktoken" },
        { "whisper", "multilingual.tiktoken" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Texts_come_back_as_they_were(string folder, string file)
    {
        Tokenizer tokenizer = Load(folder, file);
        output.WriteLine(tokenizer.Description);
        foreach (string text in Texts())
        {
            long start = TimeProvider.System.GetTimestamp();
            int[] ids = tokenizer.Encode(text);
            TimeSpan elapsed = TimeProvider.System.GetElapsedTime(start);
            output.WriteLine($"{text.Length} characters, {ids.Length} tokens, {text.Length / elapsed.TotalSeconds / 1e6:F1} million characters a second");
            Assert.Equal(text, tokenizer.Decode(ids));
            StreamingDecoder decoder = tokenizer.CreateStreamingDecoder();
            Assert.Equal(text, string.Concat(ids.Select(decoder.Push)) + decoder.Flush());
        }
    }

    [Fact]
    public void Llama_2_gives_the_same_ids_from_all_three_forms()
    {
        Tokenizer json = Load("llama2", "tokenizer.json");
        Tokenizer model = Load("llama2", "tokenizer.model");
        Tokenizer gguf = LlamaCppGoldenTests.Load(SharedData.Path("tokenizers", "llama.cpp-vocabs", "ggml-vocab-llama-spm.gguf"));
        string strings = File.ReadAllText(SharedData.Path("golden", "tokenizer", "tests.inp"));
        foreach (string text in Texts().Concat(strings.Split("\n__ggml_vocab_test__\n")))
        {
            int[] ids = model.Encode(text);
            Assert.Equal(ids, gguf.Encode(text));
            Assert.Equal(ids, json.Encode(text));
        }
    }

    [Theory]
    [InlineData("chatglm3", "tokenizer.model")]
    [InlineData("glm4", "tokenizer.model")]
    [InlineData("llama2", "tokenizer.json")]
    [InlineData("qwen2.5", "")]
    public void A_megabyte_of_anything_takes_less_than_two_seconds(string folder, string file)
    {
        Tokenizer tokenizer = Load(folder, file);
        Random random = new(1);
        byte[] noise = new byte[1_000_000];
        random.NextBytes(noise);
        (string Name, string Text)[] texts =
        [
            ("letter", new string('a', 1_000_000)),
            ("spaces", new string(' ', 1_000_000)),
            ("emoji", string.Concat(Enumerable.Repeat("🦙", 250_000))),
            ("noise as UTF-8", Encoding.UTF8.GetString(noise)),
            ("apostrophes", new string('\'', 1_000_000)),
        ];
        tokenizer.Encode(texts[3].Text.AsSpan(0, 1000));
        foreach ((string name, string text) in texts)
        {
            long start = TimeProvider.System.GetTimestamp();
            int tokens = tokenizer.Encode(text).Length;
            double seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
            output.WriteLine($"{name}: {seconds:F3} s, {tokens} tokens");
#if DEBUG
            Assert.True(seconds < 20, $"{name} took {seconds:F2} s, in an unoptimised build");
#else
            Assert.True(seconds < 2, $"{name} took {seconds:F2} s");
#endif
        }
    }

    [Fact]
    public void Glm_marks_are_where_its_makers_put_them()
    {
        Tokenizer glm4 = Load("glm4", "");
        Assert.Equal([151331, 151333], glm4.Encode(""));
        Assert.Equal(151329, glm4.EosId);
        Assert.Equal([151329, 151336, 151338], glm4.EosIds);
        Tokenizer chatGlm3 = Load("chatglm3", "");
        Assert.Equal([64790, 64792], chatGlm3.Encode(""));
        Assert.Equal([64790, 64792, 64795], chatGlm3.Encode("[gMASK]sop<|user|>", parseSpecials: true, addSpecials: false));
        Assert.DoesNotContain(64792, chatGlm3.Encode("sophomore", parseSpecials: true, addSpecials: false));
    }

    [Fact]
    public void Llama_3_marks_come_from_the_configuration()
    {
        Tokenizer tokenizer = Load("llama3", "");
        Assert.Equal(128000, tokenizer.Encode("hello")[0]);
        Assert.Contains(128009, tokenizer.EosIds);
        Assert.Equal([128006, 882, 128007], tokenizer.Encode("<|start_header_id|>user<|end_header_id|>", parseSpecials: true, addSpecials: false));
    }

    [Fact]
    public void Qwen_2_5_ends_an_answer_at_its_end_of_turn()
    {
        Tokenizer tokenizer = Load("qwen2.5", "");
        Assert.Equal(151645, tokenizer.EosId);
        Assert.Contains(151643, tokenizer.EosIds);
    }

    [Fact]
    public void Qwen_composes_characters_before_it_looks_them_up()
    {
        Tokenizer tokenizer = Load("qwen2.5", "");
        Assert.Equal(tokenizer.Encode("café 한국"), tokenizer.Encode("cafe\u0301 \u1112\u1161\u11ab\u1100\u116e\u11a8"));
    }

    [Fact]
    public void A_vocabulary_without_merges_is_refused()
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Load("qwen3", ""));
        Assert.Contains("merges.txt", error.Message);
    }

    [Fact]
    public void The_phone_agent_s_prompts_get_the_ids_derived_from_its_own_files()
    {
        string folder = Directory.CreateTempSubdirectory("autoglm-tokenizer-").FullName;
        try
        {
            File.Copy(SharedData.Path("tokenizers", "glm4", "tokenizer.model"), Path.Combine(folder, "tokenizer.model"));
            File.Copy(SharedData.Path("tokenizers", "glm4v", "tokenizer_config.json"), Path.Combine(folder, "tokenizer_config.json"));
            Tokenizer tokenizer = TokenizerLoader.FromFolder(folder);
            using JsonDocument goldens = JsonDocument.Parse(File.ReadAllText(SharedData.Path("autoglm", "glm_prompt_tokens.json")));
            int compared = 0;
            foreach (JsonElement golden in goldens.RootElement.EnumerateArray().Where(entry => entry.TryGetProperty("first", out _)))
            {
                int[] ids = tokenizer.Encode(Prompt(golden), parseSpecials: true, addSpecials: false);
                int[] first = [.. golden.GetProperty("first").EnumerateArray().Select(id => id.GetInt32())];
                int[] tail = [.. golden.GetProperty("tail").EnumerateArray().Select(id => id.GetInt32())];
                Assert.Equal(golden.GetProperty("n_tokens_before_image_expansion").GetInt32(), ids.Length);
                Assert.Equal(first, ids[..first.Length]);
                Assert.Equal(tail, ids[^tail.Length..]);
                compared++;
            }

            Assert.Equal(4, compared);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The chat template of GLM-4.1V over the agent's recorded messages, rendered by hand.</summary>
    static string Prompt(JsonElement golden)
    {
        using JsonDocument messages = JsonDocument.Parse(File.ReadAllText(SharedData.Path("autoglm", golden.GetProperty("file").GetString()!)));
        string system = messages.RootElement[0].GetProperty("content").GetString()!;
        string text = messages.RootElement[1].GetProperty("content").EnumerateArray()
            .Single(part => part.GetProperty("type").GetString() == "text").GetProperty("text").GetString()!;
        string between = golden.GetProperty("content_format").GetString() == "string" ? "\n" : "";
        return $"[gMASK]<sop><|system|>\n{system}<|user|>\n<|begin_of_image|><|image|><|end_of_image|>{between}{text}<|assistant|>\n";
    }

    static Tokenizer Load(string folder, string file) => file.Length > 0 && folder != "llama3"
        ? TokenizerLoader.FromFile(SharedData.Path("tokenizers", folder, file))
        : TokenizerLoader.FromFolder(SharedData.Path("tokenizers", folder));

    static IEnumerable<string> Texts()
    {
#if DEBUG
        const int Length = 200_000; // An unoptimised build takes a minute for all of it.
#else
        const int Length = int.MaxValue;
#endif
        foreach (string[] path in new[] { new[] { "tinyshakespeare", "input.txt" }, ["wikitext-2-raw", "wiki.test.reconstructed.raw"], ["gsm8k", "test.jsonl"] })
        {
            string text = File.ReadAllText(SharedData.Path(["eval", .. path]));
            yield return text[..Math.Min(Length, text.Length)];
        }

        yield return File.ReadAllText(SharedData.Path("autoglm", "sample_messages.json"))[..8000];
    }
}
