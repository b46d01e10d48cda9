using System.Runtime.InteropServices;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>
/// Proposes what followed the last tokens of a sequence where they stood before: in its prompt or answer, right again and again where answers
/// repeat what they were given (extraction, edits of code, forms), or in an answer before it. Never asked for long where guesses are wrong.
/// </summary>
/// <remarks>Source: Saxena 2023, "Prompt Lookup Decoding"; Yang et al. 2023, "Inference with Reference". For earlier answers see <see cref="AnswerMemory"/>.</remarks>
/// <param name="answers">Earlier answers; null to look into the sequence alone.</param>
sealed class PromptLookup(AnswerMemory? answers) : IProposer
{
    public double SecondsPerGuess => 0;

    public Evidence EvidenceFor(Sequence sequence)
    {
        Guessing guessing = sequence.Guessing!;
        NgramIndex index = guessing.Ngrams ??= new NgramIndex();
        ReadOnlySpan<int> tokens = CollectionsMarshal.AsSpan(sequence.Tokens);
        index.Enter(tokens);
        EarlierPlace own = index.Find(tokens, tokens);
        Passage other = answers?.Find(sequence.Request.CacheSalt, tokens) ?? default;
        bool isOther = other.Agreeing > own.Agreeing;
        guessing.Passage = isOther ? other : new Passage(sequence.Tokens, own.Position, own.Agreeing);
        return guessing.Passage.Agreeing == 0 ? default : new Evidence(isOther ? GuessOrigin.Answers : GuessOrigin.Text, guessing.Passage.Agreeing);
    }

    public void Propose(ReadOnlySpan<Sequence> writing, ReadOnlySpan<int> room)
    {
        for (int i = 0; i < writing.Length; i++)
        {
            Sequence sequence = writing[i];
            (List<int>? text, int from, _) = sequence.Guessing!.Passage;
            for (int guess = 0; guess < room[i]; guess++)
            {
                // Where the earlier place runs into the end, the text repeats itself, and so do the guesses. Answers have an end.
                int token = from + guess < text!.Count ? text[from + guess] : sequence.Drafts[from + guess - text.Count];
                if (token == NgramIndex.End)
                {
                    break;
                }

                sequence.Drafts.Add(token);
            }
        }
    }

    public void Ended(Sequence sequence)
    {
        if (sequence.GeneratedCount > 0 && sequence.Beam is null)
        {
            answers?.Remember(sequence.Request.CacheSalt, CollectionsMarshal.AsSpan(sequence.Tokens)[sequence.Request.Prompt.Length..]);
        }
    }

    public void Dispose()
    {
    }
}
