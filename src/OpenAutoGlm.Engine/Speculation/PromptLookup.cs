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

    public Reason ReasonFor(Sequence sequence)
    {
        Guessing guessing = sequence.Guessing!;
        guessing.Ngrams ??= new NgramIndex();
        guessing.Place = guessing.Ngrams.Find(CollectionsMarshal.AsSpan(sequence.Tokens));
        return guessing.Place.Agreeing switch
        {
            0 => Reason.None,
            1 => Reason.Weak,
            2 => Reason.Fair,
            <= 5 => Reason.Good,
            _ => Reason.Strong,
        };
    }

    public void Propose(ReadOnlySpan<Sequence> writing, ReadOnlySpan<int> room)
    {
        for (int i = 0; i < writing.Length; i++)
        {
            Sequence sequence = writing[i];
            List<int> tokens = sequence.Tokens;
            int from = sequence.Guessing!.Place.Position;
            for (int guess = 0; guess < room[i]; guess++)
            {
                // Where the earlier place runs into the end, the text repeats itself, and so do the guesses.
                sequence.Drafts.Add(from + guess < tokens.Count ? tokens[from + guess] : sequence.Drafts[from + guess - tokens.Count]);
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
