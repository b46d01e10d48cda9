using System.Text;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>Nothing in a tokenizer file is trusted: what is wrong is refused by name, and nothing else happens.</summary>
public sealed class BadTokenizerFilesTests : IDisposable
{
    const string GoodJson = """
        {"added_tokens": [{"id": 4, "content": "<s>", "special": true}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
         "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids": [4]}}},
         "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
         "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1, "▁": 2, "▁a": 3}, "merges": ["▁ a"]}}
        """;

    readonly string _folder = Directory.CreateTempSubdirectory("autoglm-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_small_tokenizer_json_is_read()
    {
        Tokenizer tokenizer = Load("tokenizer.json", GoodJson);
        Assert.Equal([4, 3, 3, 0], tokenizer.Encode("a axx"));
        Assert.Equal("a a", tokenizer.Decode([4, 3, 3]));
    }

    [Fact]
    public void A_tokenizer_json_cut_at_any_byte_is_refused() =>
        RefuseEveryCut("tokenizer.json", Encoding.UTF8.GetBytes(GoodJson), mayBeWhole: false);

    [Fact]
    public void A_sentence_piece_model_cut_at_any_byte_is_refused_or_read() =>
        RefuseEveryCut("tokenizer.model", SentencePieceModel(), mayBeWhole: true);

    [Fact]
    public void Rank_files_cut_at_any_byte_are_refused_or_read() =>
        RefuseEveryCut("gpt2.tiktoken", Encoding.UTF8.GetBytes(Ranks()), mayBeWhole: true);

    [Theory]
    [InlineData("\"▁ a\"", "\"▁ b\"", "\"b\" is not a token")]
    [InlineData("\"▁ a\"", "\"a\"", "two parts")]
    [InlineData("\"▁ a\"", "7", "merges[0]")]
    [InlineData("\"▁ a\"", "\"▁ a\", \"▁ a\"", "merged already")]
    [InlineData("\"a\": 1", "\"a\": 0", "the id is given to")]
    [InlineData("\"a\": 1", "\"a\": -1", "token -1")]
    [InlineData("\"a\": 1", "\"a\": 1e99", "vocab.a")]
    [InlineData("\"a\": 1", "\"a\": 2000000000", "token 2000000000")]
    [InlineData("\"a\": 1", "\"a\": \"1\"", "vocab.a")]
    [InlineData("\"a\": 1", "\"a\": 1, \"a\": 9", "every token must be there once")]
    [InlineData("\"a\": 1", "\"\\ud800\": 1", "surrogate")]
    [InlineData("\"id\": 4", "\"id\": 1", "has the id of \"a\"")]
    [InlineData("\"id\": 4", "\"id\": 99999999999", "token 99999999999")]
    [InlineData("\"content\": \"<s>\", \"special\"", "\"content\": \"\", \"special\"", "0 bytes")]
    [InlineData("\"ids\": [4]", "\"ids\": [99]", "the id 99 is outside")]
    [InlineData("\"ids\": [4]", "\"ids\": [-4]", "no token id")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"WordPiece\"", "WordPiece")]
    [InlineData("\"unk_token\": \"?\"", "\"unk_token\": \"!\"", "not in the vocabulary")]
    [InlineData("\"unk_token\": \"?\"", "\"unk_token\": null", "neither a token for the byte")]
    [InlineData("\"normalizer\": {", "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a+)+$\"}, \"behavior\": \"Isolated\"}, \"normalizer\": {", "(a+)+$")]
    [InlineData("\"normalizer\": {", "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"normalizer\": {", "BertPreTokenizer")]
    [InlineData("\"type\": \"Prepend\"", "\"type\": \"Lowercase\"", "Lowercase")]
    public void What_is_wrong_in_tokenizer_json_is_named(string good, string bad, string named)
    {
        Assert.Contains(good, GoodJson);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Load("tokenizer.json", GoodJson.Replace(good, bad)));
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        string nested = string.Concat(Enumerable.Repeat("{\"type\":\"Sequence\",\"normalizers\":[", 5000));
        Assert.Throws<ModelFormatException>(() => Load("tokenizer.json", "{\"model\":{},\"normalizer\":" + nested));
    }

    [Theory]
    [InlineData("!! 0")]
    [InlineData("IQ==")]
    [InlineData("IQ== x")]
    [InlineData("IQ== -1")]
    [InlineData("IQ== 99999999999")]
    [InlineData("IQ== 0\nIQ== 0")]
    [InlineData("IQ== 0\nIQ== 1")]
    public void Bad_ranks_are_refused(string text) => Assert.Throws<ModelFormatException>(() => Load("gpt2.tiktoken", text));

    [Fact]
    public void Ranks_of_an_unknown_model_are_refused_rather_than_cut_by_guess()
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Load("other.tiktoken", Ranks()));
        Assert.Contains("tokenizer.json", error.Message);
    }

    [Fact]
    public void An_unknown_pre_tokenizer_is_refused_with_those_that_are_known()
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel("made-up")));
        Assert.Contains("made-up", error.Message);
        Assert.Contains("chatglm-bpe", error.Message);
    }

    [Fact]
    public void Bad_gguf_vocabularies_are_refused_by_key()
    {
        GgufVocabulary good = TinyVocabularies.SentencePiece();
        (GgufVocabulary Bad, string Key)[] cases =
        [
            (good with { Scores = null }, "scores"),
            (good with { Scores = good.Scores![1..] }, "scores"),
            (good with { Scores = [float.NaN, .. good.Scores[1..]] }, "token 0"),
            (good with { TokenTypes = good.TokenTypes![1..] }, "token_type"),
            (good with { TokenTypes = [99, .. good.TokenTypes[1..]] }, "token_type"),
            (good with { Tokens = [.. good.Tokens[..^1], good.Tokens[^2]] }, "token"),
            (good with { Tokens = [] , Scores = [], TokenTypes = [] }, "tokens"),
            (good with { BosId = 1_000_000 }, "bos_token_id"),
            (good with { EosId = -7 }, "eos_token_id"),
            (good with { Model = "rwkv" }, "model"),
            (good with { CharacterMap = [255, 255, 255, 255, 0] }, "precompiled_charsmap"),
            (TinyVocabularies.ByteLevel() with { Merges = null }, "merges"),
            (TinyVocabularies.ByteLevel() with { Merges = ["xx yy"] }, "merge 0"),
        ];
        foreach ((GgufVocabulary bad, string key) in cases)
        {
            ModelFormatException error = Assert.Throws<ModelFormatException>(() => TokenizerLoader.FromGguf(bad));
            Assert.Contains(key, error.Field);
        }
    }

    [Fact]
    public void A_character_map_of_noise_changes_text_but_breaks_nothing()
    {
        Random random = new(7);
        for (int round = 0; round < 50; round++)
        {
            byte[] map = new byte[4 + 4096 + 100];
            random.NextBytes(map);
            BitConverter.TryWriteBytes(map, 4096u);
            Tokenizer tokenizer = TokenizerLoader.FromGguf(TinyVocabularies.SentencePiece() with { CharacterMap = map });
            Assert.NotEmpty(tokenizer.Encode("hello é 🦙 \0"));
        }
    }

    [Fact]
    public void A_folder_without_a_tokenizer_says_what_it_looked_for()
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => TokenizerLoader.FromFolder(_folder));
        Assert.Contains("tokenizer.json", error.Message);
        Assert.Throws<ModelFormatException>(() => TokenizerLoader.FromFolder(Path.Combine(_folder, "nowhere")));
    }

    Tokenizer Load(string name, string text) => Load(name, Encoding.UTF8.GetBytes(text));

    Tokenizer Load(string name, byte[] bytes)
    {
        File.WriteAllBytes(Path.Combine(_folder, name), bytes);
        return TokenizerLoader.FromFolder(_folder);
    }

    void RefuseEveryCut(string name, byte[] whole, bool mayBeWhole)
    {
        Load(name, whole);
        int refused = 0;
        for (int length = 0; length < whole.Length; length++)
        {
            try
            {
                Load(name, whole[..length]).Encode("a hello");
                Assert.True(mayBeWhole, $"cut to {length} bytes it was read");
            }
            catch (ModelFormatException error)
            {
                Assert.Contains(name, error.File);
                refused++;
            }
        }

        Assert.True(refused > whole.Length / 3);
    }

    /// <summary>All bytes in base64 with their ranks.</summary>
    static string Ranks() => string.Concat(Enumerable.Range(0, 256).Select(value => $"{Convert.ToBase64String([(byte)value])} {value}\n"));

    /// <summary>Four pieces, a trainer that says BPE, a normaliser that keeps spaces.</summary>
    static byte[] SentencePieceModel()
    {
        List<byte> bytes = [];
        foreach ((string text, float score, byte type) in new[] { ("<unk>", 0f, (byte)2), ("a", -1f, (byte)1), ("▁", -2f, (byte)1), ("▁a", -3f, (byte)1) })
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            byte[] piece = [0x0A, (byte)utf8.Length, .. utf8, 0x15, .. BitConverter.GetBytes(score), 0x18, type];
            bytes.AddRange([0x0A, (byte)piece.Length, .. piece]);
        }

        bytes.AddRange([0x12, 2, 0x18, 2, 0x1A, 2, 0x20, 0]);
        return [.. bytes];
    }
}
