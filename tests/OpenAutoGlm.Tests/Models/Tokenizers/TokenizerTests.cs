using FsCheck;
using FsCheck.Fluent;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers;

public class TokenizerTests
{
    static readonly Tokenizer ByteLevel = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());
    static readonly Tokenizer SentencePiece = TokenizerLoader.FromGguf(TinyVocabularies.SentencePiece());
    static readonly Tokenizer Unigram =
        TokenizerLoader.FromGguf(TinyVocabularies.SentencePiece("t5") with { RemoveExtraSpaces = false });

    [Fact]
    public void Byte_level_round_trips_any_text() => Prop.ForAll(Texts, text =>
    {
        return ByteLevel.Decode(ByteLevel.Encode(text)) == text;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Sentence_piece_round_trips_any_text_without_its_space_mark() => Prop.ForAll(Texts, text =>
    {
        text = text.Replace('▁', '_');
        return SentencePiece.Decode(SentencePiece.Encode(text)) == text && Unigram.Decode(Unigram.Encode(text)) == text;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Streaming_gives_what_decoding_at_once_gives() => Prop.ForAll<int[]>(numbers =>
    {
        return new[] { ByteLevel, SentencePiece }.All(tokenizer =>
        {
            int[] ids = [.. numbers.Select(number => (int)((uint)number % (uint)tokenizer.VocabularySize))];
            StreamingDecoder decoder = tokenizer.CreateStreamingDecoder();
            string streamed = string.Concat(ids.Select(decoder.Push)) + decoder.Flush();
            return streamed == tokenizer.Decode(ids);
        });
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void No_character_is_given_out_in_halves()
    {
        StreamingDecoder decoder = ByteLevel.CreateStreamingDecoder();
        string[] parts = [.. ByteLevel.Encode("é🦙", addSpecials: false).Select(decoder.Push)];
        Assert.Equal(["", "é", "", "", "", "🦙"], parts);
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void A_character_that_never_completes_becomes_a_replacement_at_the_end()
    {
        StreamingDecoder decoder = ByteLevel.CreateStreamingDecoder();
        Assert.Equal("", decoder.Push(ByteLevel.Encode("é")[0]));
        Assert.Equal("\uFFFD", decoder.Flush());
    }

    [Fact]
    public void The_space_before_a_text_is_taken_away_only_where_the_text_begins()
    {
        int[] ids = SentencePiece.Encode("hello hello", addSpecials: false);
        Assert.Equal(" hello| hello", TinyVocabularies.Texts(SentencePiece, ids));
        Assert.Equal("hello hello", SentencePiece.Decode(ids));
        StreamingDecoder continuing = SentencePiece.CreateStreamingDecoder(continues: true);
        Assert.Equal(" hello", continuing.Push(ids[0]));
    }

    [Fact]
    public void A_lone_surrogate_counts_as_the_replacement_character() =>
        Assert.Equal("a\uFFFDb", ByteLevel.Decode(ByteLevel.Encode("a\uD800b")));

    [Fact]
    public void Control_tokens_are_parsed_only_on_request()
    {
        Assert.True(ByteLevel.TryGetId("<|end|>", out int end));
        Assert.Contains(end, ByteLevel.Encode("x<|end|>", parseSpecials: true));
        Assert.DoesNotContain(end, ByteLevel.Encode("x<|end|>"));
        Assert.True(ByteLevel.IsSpecial(end));
        Assert.Equal("x", ByteLevel.Decode(ByteLevel.Encode("x<|end|>", parseSpecials: true)));
        Assert.Equal("x<|end|>", ByteLevel.Decode(ByteLevel.Encode("x<|end|>", parseSpecials: true), skipSpecials: false));
    }

    [Fact]
    public void User_defined_tokens_are_always_whole()
    {
        Assert.True(ByteLevel.TryGetId("<tool>", out int tool));
        Assert.Equal(tool, ByteLevel.Encode("<tool>", addSpecials: false).Single());
        Assert.False(ByteLevel.IsSpecial(tool));
    }

    [Fact]
    public void Marks_of_the_model_are_added_when_asked_for()
    {
        Assert.Equal(1, SentencePiece.Encode("hello")[0]);
        Assert.Equal(2, Unigram.Encode("hello")[^1]);
        Assert.DoesNotContain(1, SentencePiece.Encode("hello", addSpecials: false));
    }

    [Fact]
    public void Unigram_takes_the_most_probable_pieces() =>
        Assert.Equal(" hello", TinyVocabularies.Texts(Unigram, Unigram.Encode("hello", addSpecials: false)));

    [Fact]
    public void Unknown_text_without_byte_tokens_becomes_one_unknown_token()
    {
        GgufVocabulary source = TinyVocabularies.SentencePiece("t5");
        Tokenizer tokenizer = TokenizerLoader.FromGguf(source with
        {
            Tokens = [.. source.Tokens[..3], .. source.Tokens[259..]],
            Scores = [.. source.Scores![..3], .. source.Scores![259..]],
            TokenTypes = [.. source.TokenTypes![..3], .. source.TokenTypes![259..]],
        });
        Assert.Equal("<unk>| hello", TinyVocabularies.Texts(tokenizer, tokenizer.Encode("日本 hello", addSpecials: false)[1..]));
    }

    [Fact]
    public void Ids_outside_the_vocabulary_are_refused_with_the_range()
    {
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => ByteLevel.Decode([-1]));
        Assert.Contains($"{ByteLevel.VocabularySize - 1}", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => ByteLevel.TokenText(ByteLevel.VocabularySize));
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("🦙")]
    [InlineData("\n")]
    [InlineData("'")]
    [InlineData("aª ")]
    [InlineData("<|")]
    public void A_long_run_of_anything_is_encoded_in_time(string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, 200_000 / unit.Length));
        foreach (string pre in new[] { "gpt-2", "llama-bpe", "tekken", "default", "deepseek-v3" })
        {
            Tokenizer tokenizer = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel(pre));
            long start = TimeProvider.System.GetTimestamp();
            Assert.NotEmpty(tokenizer.Encode(text));
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(10), $"{pre} took {TimeProvider.System.GetElapsedTime(start)}");
        }

        foreach (Tokenizer tokenizer in new[] { SentencePiece, Unigram })
        {
            long start = TimeProvider.System.GetTimestamp();
            Assert.NotEmpty(tokenizer.Encode(text));
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(10), $"took {TimeProvider.System.GetElapsedTime(start)}");
        }
    }

    /// <summary>Text of any Unicode characters, those of one byte as often as those of four.</summary>
    static Arbitrary<string> Texts => Gen.OneOf(Gen.Choose(0, 0x7F), Gen.Choose(0x80, 0x7FF), Gen.Choose(0x800, 0xD7FF), Gen.Choose(0xE000, 0xFFFF), Gen.Choose(0x10000, 0x10FFFF))
        .ArrayOf()
        .Select(values => string.Concat(values.Select(char.ConvertFromUtf32)))
        .ToArbitrary();
}
