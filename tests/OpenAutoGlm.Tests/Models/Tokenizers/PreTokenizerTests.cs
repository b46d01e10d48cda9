using System.Text;
using System.Text.RegularExpressions;
using OpenAutoGlm.Models.Tokenizers.Loading;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>The scanners against the regular expressions they stand for, on random text of every class.</summary>
public class PreTokenizerTests
{
    const string Contractions = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
    const string Head = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    const string Tail = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";

    // Letters of every case, digits, marks, signs, spaces and breaks; no character outside the basic plane, where .NET's
    // classes see halves.
    const string Characters = "aBcsStTreEvVlLdDmM''''  \t\r\n\n\u00A0\u3000\u2028\u0085 12٣½²éÉǅʰªº中文あア한글़ा\u0301\u0327.,!?;:-+=<>$|^~`/\\\"#@_’«€©\u200D\u0007";

    public static TheoryData<string, string[]> Rules => new()
    {
        { "gpt-2", [@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"] },
        { "llama-bpe", [Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"] },
        { "qwen2", [Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"] },
        { "qwen35", [Contractions + @"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"] },
        {
            "tekken",
            [$@"[^\r\n\p{{L}}\p{{N}}]?{Head}*{Tail}+|[^\r\n\p{{L}}\p{{N}}]?{Head}+{Tail}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"]
        },
        {
            "gpt-4o",
            [$@"[^\r\n\p{{L}}\p{{N}}]?{Head}*{Tail}+{Contractions}?|[^\r\n\p{{L}}\p{{N}}]?{Head}+{Tail}*{Contractions}?|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"]
        },
        { "smollm", [@"\p{N}", @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"] },
        {
            "default",
            [@"[\p{P}\$\+<=>\^~\|]+", @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", @"\p{N}+", "[0-9][0-9][0-9]"]
        },
        {
            "deepseek-v3",
            [
                @"\p{N}{1,3}",
                "[一-龥\u3040-ゟ゠-ヿ]+",
                @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ]
        },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_scanner_cuts_where_its_pattern_does(string name, string[] patterns)
    {
        PreTokenizerPipeline scanner = PreTokenizerCatalog.Named("test", "pre", name);
        Random random = new(3);
        for (int round = 0; round < 4000; round++)
        {
            string text = RandomText(random, 1 + random.Next(24));
            string expected = string.Join('¦', Split([text], patterns));
            List<int> ends = [];
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            scanner.Split(utf8, ends);
            string actual = string.Join('¦', ends.Select((end, i) => Encoding.UTF8.GetString(utf8[(i == 0 ? 0 : ends[i - 1])..end])));
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void Short_and_long_pieces_merge_alike()
    {
        Random random = new(4);
        GgufVocabulary source = TinyVocabularies.SentencePiece();
        VocabularyBuilder builder = new("test");
        for (int id = 0; id < source.Tokens.Length; id++)
        {
            TokenKind kind = (TokenKind)source.TokenTypes![id];
            builder.Add(id, SentencePieceText.Bytes(source.Tokens[id], kind)!, kind, source.Scores![id]);
        }

        TokenRankEncoder encoder = TokenRankEncoder.ByScores(builder.Build(), 0);
        for (int round = 0; round < 3000; round++)
        {
            byte[] piece = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(20)).Select(_ => " helowaé中"[random.Next(9)])));
            List<int> quadratic = [], linked = [];
            encoder.EncodeShort(piece, quadratic);
            encoder.EncodeLong(piece, linked);
            Assert.Equal(quadratic, linked);
        }
    }

    static IEnumerable<string> Split(IEnumerable<string> pieces, string[] patterns) =>
        patterns.Aggregate(pieces, (current, pattern) => current.SelectMany(piece => SplitOne(piece, pattern)).ToList());

    static IEnumerable<string> SplitOne(string text, string pattern)
    {
        int position = 0;
        foreach (Match match in Regex.Matches(text, pattern, RegexOptions.CultureInvariant))
        {
            if (match.Index > position)
            {
                yield return text[position..match.Index];
            }

            yield return match.Value;
            position = match.Index + match.Length;
        }

        if (position < text.Length)
        {
            yield return text[position..];
        }
    }

    static string RandomText(Random random, int length) =>
        string.Concat(Enumerable.Range(0, length).Select(_ => Characters[random.Next(Characters.Length)]));
}
