namespace OpenAutoGlm.Engine;

/// <summary>What one sequence does in a step.</summary>
/// <param name="Sequence">The sequence.</param>
/// <param name="Start">The position of its first token in this step.</param>
/// <param name="Count">How many tokens run.</param>
/// <param name="FirstOutput">The row of the batch's logits that belongs to the first of <paramref name="Outputs"/>.</param>
/// <param name="Outputs">Of how many of its last tokens in this step the logits are wanted.</param>
/// <param name="FirstHidden">The row of the batch's hidden states that belongs to its first token, where it is to be embedded.</param>
readonly record struct BatchEntry(Sequence Sequence, int Start, int Count, int FirstOutput, int Outputs, int FirstHidden);

/// <summary>
/// The tokens that run together in one step. There is no phase: a prompt's chunk and a decoded token differ only in
/// their count. Nobody changes it between <see cref="Scheduling.Scheduler.Schedule"/> and the next, which fills it anew,
/// so that steady decoding allocates nothing.
/// </summary>
sealed class Batch(int maxSequences)
{
    readonly BatchEntry[] _entries = new BatchEntry[maxSequences];
    int _count;

    internal ReadOnlySpan<BatchEntry> Entries => _entries.AsSpan(0, _count);

    internal int Tokens { get; private set; }

    internal int Outputs { get; private set; }

    /// <summary>How many of the tokens belong to sequences that are to be embedded.</summary>
    internal int HiddenTokens { get; private set; }

    internal void Add(Sequence sequence, int start, int count, int outputs)
    {
        _entries[_count++] = new BatchEntry(sequence, start, count, Outputs, outputs, HiddenTokens);
        Tokens += count;
        Outputs += outputs;
        HiddenTokens += sequence.Embedding is null ? 0 : count;
    }

    internal void Clear()
    {
        Array.Clear(_entries, 0, _count);
        (_count, Tokens, Outputs, HiddenTokens) = (0, 0, 0, 0);
    }
}
