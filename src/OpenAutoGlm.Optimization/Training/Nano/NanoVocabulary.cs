using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>
/// What the vocabulary of autoglm-nano is learnt from: the pieces of its data, one by one. Words are told without the space
/// before them, and Chinese characters each for itself, so that a name has the same tokens wherever it stands: it has to be
/// found and copied.
/// </summary>
public static class NanoVocabulary
{
    const int Rare = 40; // so often is every character told of which names are made
    const ulong Seed = 7;

    /// <summary>Tags that are one token.</summary>
    public static ImmutableArray<string> Tags { get; } = ["<think>", "</think>", "<answer>"];

    /// <summary>Marks of GLM's conversations. The one that ends an action ends the answer.</summary>
    public static ImmutableArray<string> Controls { get; } =
        ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>", "</answer>"];

    /// <summary>The pieces of so many conversations.</summary>
    public static IEnumerable<string> Pieces(int conversations)
    {
        foreach (char character in NameWords.AllCharacters)
        {
            for (int i = 0; i < Rare; i++)
            {
                yield return character.ToString();
            }
        }

        foreach (NanoMessage message in NanoData.Generate(Seed, NanoSplit.Train, NanoMix.Default).Take(conversations).SelectMany(example => example.Messages))
        {
            foreach (string part in message.Content.Split(["<think>", "</think>", "<answer>", "</answer>"], StringSplitOptions.RemoveEmptyEntries))
            {
                foreach (string piece in Split(part))
                {
                    yield return piece;
                }
            }
        }
    }

    static IEnumerable<string> Split(string text)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = start + 1;
            if (char.IsAsciiLetter(text[start]))
            {
                end = Reach(text, end, char.IsAsciiLetter);
            }
            else if (IsSign(text[start]) || (text[start] == ' ' && end < text.Length && IsSign(text[end])))
            {
                end = Reach(text, Reach(text, end, IsSign), character => character == '\n');
            }

            if (end > start + 1 || !char.IsWhiteSpace(text[start]))
            {
                yield return text[start..end];
            }

            start = end;
        }
    }

    static int Reach(string text, int from, Func<char, bool> belongs)
    {
        while (from < text.Length && belongs(text[from]))
        {
            from++;
        }

        return from;
    }

    static bool IsSign(char character) => !char.IsWhiteSpace(character) && !char.IsLetterOrDigit(character);
}
