using System.Text;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>Small vocabularies of both kinds, made by hand, as GGUF files would list them.</summary>
static class TinyVocabularies
{
    /// <summary>256 bytes, a few merges, a mark that is parsed on request and one that always is.</summary>
    public static GgufVocabulary ByteLevel(string pre = "gpt-2", params string[] moreMerges)
    {
        string[] merges = ["h e", "l l", "he ll", "hell o", "Ġ hello", "Ġ Ġ", "ĠĠ ĠĠ", "a a", "aa aa", "1 2", "12 3", .. moreMerges];
        string[] tokens = [.. Alphabet(), .. merges.Select(merge => merge.Replace(" ", "")), "<|end|>", "<tool>"];
        int[] types = [.. tokens.Select(_ => 1)];
        (types[^2], types[^1]) = (3, 4);
        return new GgufVocabulary
        {
            File = "tiny.gguf",
            Model = "gpt2",
            Pre = pre,
            Tokens = tokens,
            TokenTypes = types,
            Merges = merges,
            EosId = tokens.Length - 2,
        };
    }

    /// <summary>SentencePiece with byte fallback: &lt;unk&gt;, &lt;s&gt;, &lt;/s&gt;, 256 bytes, a few pieces.</summary>
    public static GgufVocabulary SentencePiece(string model = "llama")
    {
        string[] pieces = ["▁", "h", "e", "l", "o", "w", "a", "▁h", "he", "ll", "▁he", "▁hell", "▁hello", "llo", "aa", "aaaa", "é", "▁▁"];
        string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), .. pieces];
        return new GgufVocabulary
        {
            File = "tiny.gguf",
            Model = model,
            Tokens = tokens,
            Scores = [.. tokens.Select((token, id) => id < 259 ? 0f : -(id - 258) * (model == "t5" ? 1f / token.Length : 1f))],
            TokenTypes = [2, 3, 3, .. Enumerable.Repeat(6, 256), .. pieces.Select(_ => 1)],
            BosId = 1,
            EosId = 2,
            UnknownId = 0,
        };
    }

    public static string Texts(Tokenizer tokenizer, IEnumerable<int> ids) => string.Join('|', ids.Select(tokenizer.TokenText));

    /// <summary>The 256 characters that byte-level vocabularies write bytes with, in the order of the bytes.</summary>
    static IEnumerable<string> Alphabet()
    {
        int next = 256;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;
            yield return new Rune(printable ? value : next++).ToString();
        }
    }
}
