namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>How examples become batches.</summary>
public sealed record DataOptions
{
    /// <summary>Most tokens in a batch.</summary>
    public int BatchTokens { get; init; } = 4096;

    /// <summary>Most tokens of one sequence; at most <see cref="BatchTokens"/>.</summary>
    public int SequenceTokens { get; init; } = 1024;

    /// <summary>What becomes of longer examples.</summary>
    public LengthStrategy TooLong { get; init; } = LengthStrategy.TruncateEnd;

    /// <summary>Whether every epoch has an order of its own; otherwise that of the source.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Where the orders come from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Examples that are read, tokenised and packed together. Larger fills batches better and takes more memory.</summary>
    public int WindowExamples { get; init; } = 1024;

    /// <summary>Threads that read and tokenise.</summary>
    public int Threads { get; init; } = 1;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(WindowExamples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        if (SequenceTokens < 1 || SequenceTokens > BatchTokens)
        {
            throw new ArgumentException($"A sequence has 1 to {BatchTokens} tokens (the tokens of a batch), not {SequenceTokens}.");
        }
    }
}

/// <summary>A place in the data: what has been given out before it depends on nothing else.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="First">The first example of the window, as a place in the epoch's order.</param>
/// <param name="Batch">The next batch of the window.</param>
public readonly record struct DataPosition(int Epoch, int First, int Batch);
