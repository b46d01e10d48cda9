using System.Collections.Immutable;

namespace OpenAutoGlm.Models.Tokenizers.Training;

/// <summary>What a vocabulary is to be like.</summary>
public sealed record BytePairTrainingOptions
{
    /// <summary>Tokens in all: 256 bytes, merges, and the special ones. Fewer where the text gives no more merges.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Pairs that are seen less often are not merged.</summary>
    public int MinimumCount { get; init; } = 2;

    /// <summary>Whether every digit is a token of its own (Qwen's rule); otherwise up to three are a piece (GLM's and Llama's).</summary>
    public bool SingleDigits { get; init; }

    /// <summary>Marks for the model that are no text, such as &lt;|user|&gt;. They get the last ids, in this order.</summary>
    public ImmutableArray<string> Controls { get; init; } = [];

    /// <summary>Texts that are always one token, such as &lt;think&gt;. They stand before the marks.</summary>
    public ImmutableArray<string> AlwaysWhole { get; init; } = [];

    /// <summary>Of the marks, which begins a text; null for none. It is not added by itself.</summary>
    public string? Bos { get; init; }

    /// <summary>Of the marks, which ends a text; null for none.</summary>
    public string? Eos { get; init; }

    /// <summary>Of the marks, which ends a turn of a conversation; null for none of its own.</summary>
    public string? EndOfTurn { get; init; }

    /// <summary>The name of the pre-tokenizer in GGUF files.</summary>
    internal string PreTokenizer => SingleDigits ? "qwen2" : "glm4";

    internal void Check()
    {
        int least = 256 + Controls.Length + AlwaysWhole.Length;
        if (VocabularySize < least)
        {
            throw new ArgumentException($"A vocabulary of {VocabularySize} is too small: 256 bytes and {least - 256} special tokens belong in it.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(MinimumCount, 1);
        string[] all = [.. Controls, .. AlwaysWhole];
        if (all.Distinct().Count() != all.Length || all.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException($"Special tokens are to be different and not empty: {string.Join(", ", all)}.");
        }

        if (new[] { Bos, Eos, EndOfTurn }.OfType<string>().FirstOrDefault(name => !Controls.Contains(name)) is { } missing)
        {
            throw new ArgumentException($"'{missing}' is to mark a text, but is not among the marks: {string.Join(", ", Controls)}.");
        }
    }
}
