using System.Runtime.InteropServices;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>
/// Proposes what followed the last tokens of a sequence where they stood before, in the prompt or the answer: right again
/// and again where answers repeat what they were given (extraction, edits of code, forms), and never asked for long where they do not.
/// </summary>
/// <remarks>Source: Saxena 2023, "Prompt Lookup Decoding"; Yang et al. 2023, "Inference with Reference".</remarks>
sealed class PromptLookup : IProposer
{
    public double SecondsPerGuess => 0;

    public void Propose(ReadOnlySpan<Sequence> writing, ReadOnlySpan<int> room)
    {
        for (int i = 0; i < writing.Length; i++)
        {
            Sequence sequence = writing[i];
            if (room[i] > 0)
            {
                ReadOnlySpan<int> tokens = CollectionsMarshal.AsSpan(sequence.Tokens);
                NgramIndex index = sequence.Guessing!.Ngrams ??= new NgramIndex();
                int from = index.Find(tokens);
                for (int guess = 0; from > 0 && guess < room[i]; guess++)
                {
                    // Where the earlier place runs into the end, the text repeats itself, and so do the guesses.
                    sequence.Drafts.Add(from + guess < tokens.Length ? tokens[from + guess] : sequence.Drafts[from + guess - tokens.Length]);
                }
            }
        }
    }

    public void Forget(Sequence sequence)
    {
    }

    public void Dispose()
    {
    }
}
