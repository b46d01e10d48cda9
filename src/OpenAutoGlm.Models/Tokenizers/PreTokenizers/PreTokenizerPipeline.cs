namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>Rules applied one after the other, each to every piece the ones before it left.</summary>
/// <param name="name">The name in GGUF's tokenizer.ggml.pre, for descriptions.</param>
/// <param name="rules">The rules in order.</param>
sealed class PreTokenizerPipeline(string name, params PreTokenizer[] rules)
{
    public string Name => name;

    /// <summary>The signatures of the rules.</summary>
    public IEnumerable<string> Signatures => rules.Select(rule => rule.Signature);

    /// <summary>Appends the ends of the pieces of <paramref name="text"/>, which is valid UTF-8, in ascending order.</summary>
    public void Split(ReadOnlySpan<byte> text, List<int> ends) => Split(text, 0, 0, ends);

    void Split(ReadOnlySpan<byte> text, int offset, int rule, List<int> ends)
    {
        if (rule == rules.Length)
        {
            if (text.Length > 0)
            {
                ends.Add(offset + text.Length);
            }

            return;
        }

        for (int start = 0; start < text.Length;)
        {
            int end = rules[rule].EndOfPiece(text, start);
            Split(text[start..end], offset + start, rule + 1, ends);
            start = end;
        }
    }
}
