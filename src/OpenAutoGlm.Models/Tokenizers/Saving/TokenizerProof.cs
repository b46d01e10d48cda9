namespace OpenAutoGlm.Models.Tokenizers.Saving;

/// <summary>
/// Compares a tokenizer with what was made of it for another kind of file. What two files can say differs in ways that no
/// list of fields shows, so a conversion is believed only when both cut a few hard texts alike.
/// </summary>
static class TokenizerProof
{
    static readonly string[] Texts =
    [
        "The quick brown fox doesn't jump over 1234567 lazy dogs, it's 3.14159 times too tired; we'll see, I'd say THEY'RE RIGHT.",
        " leading space", "  two  spaces   inside  ", "line\nbreaks\r\n\r\n\tand tabs\t\t", "",
        "模型读取文字和数字，然后给出下一个词。機器快的時候，12345。かな カナ 한국어", "Ünïcödé naïve café — “quotes” … €100 ½",
        "🙂🚀👩‍👩‍👧 emoji", "int main(void) { return x[i] != 0x1F ? a->b : c++; } // comment", "https://example.org/a_b?c=d&e=%20f#g",
        "aaaaaaaaaaaaaaaaaaaaaaaa", "Once upon a time, there was a little girl named Lily.", "0\u0001\u007f control",
    ];

    /// <summary>Throws where two tokenizers differ on any of the texts.</summary>
    /// <param name="original">The tokenizer that was read.</param>
    /// <param name="copy">The one made of what is to be written.</param>
    /// <param name="file">Where the original came from.</param>
    /// <param name="kind">What kind of file is written.</param>
    public static void Require(Tokenizer original, Tokenizer copy, string file, string kind)
    {
        foreach (string text in Texts)
        {
            int[] expected = original.Encode(text, addSpecials: false);
            int[] actual = copy.Encode(text, addSpecials: false);
            if (!expected.SequenceEqual(actual))
            {
                throw new ModelFormatException(file, "tokenizer", $"it cannot be said in {kind} without a change: \"{text}\" would become [{string.Join(' ', actual.Take(12))} …] instead of [{string.Join(' ', expected.Take(12))} …].");
            }
        }

        for (int id = 0; id < original.VocabularySize; id++)
        {
            if (!original.IsSpecial(id) && (id >= copy.VocabularySize || !original.TokenBytes(id).SequenceEqual(copy.TokenBytes(id))))
            {
                throw new ModelFormatException(file, "tokenizer", $"it cannot be said in {kind} without a change: token {id}, \"{original.TokenText(id)}\", would be another.");
            }
        }
    }
}
