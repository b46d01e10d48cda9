namespace OpenAutoGlm.Engine.Simulation;

/// <summary>What histories came to, so that a run can show that it reached what it is there for.</summary>
public sealed record SimulationTally
{
    /// <summary>Steps that the engine took, its invariants checked after each.</summary>
    public long Steps { get; set; }

    /// <summary>Histories, each with an engine of its own.</summary>
    public long Histories { get; set; }

    /// <summary>Sequences that were accepted, by how they ended.</summary>
    public Dictionary<FinishReason, long> Ends { get; } = [];

    /// <summary>Sequences that were cancelled, by whom.</summary>
    public Dictionary<CancellationReason, long> Cancellations { get; } = [];

    /// <summary>Requests that were refused.</summary>
    public long Refused { get; set; }

    /// <summary>Times that a sequence gave up its blocks.</summary>
    public long Preemptions { get; set; }

    /// <summary>Tokens that were found in memory.</summary>
    public long CachedTokens { get; set; }

    /// <summary>Guesses that were run.</summary>
    public long Guessed { get; set; }

    /// <summary>Guesses that were right.</summary>
    public long GuessedRight { get; set; }

    /// <summary>Beam searches that finished.</summary>
    public long BeamSearches { get; set; }

    /// <summary>Tokens of answers.</summary>
    public long Generated { get; set; }

    /// <summary>Adds what other histories came to.</summary>
    internal void Add(SimulationTally other)
    {
        Steps += other.Steps;
        Histories += other.Histories;
        Refused += other.Refused;
        Preemptions += other.Preemptions;
        CachedTokens += other.CachedTokens;
        Guessed += other.Guessed;
        GuessedRight += other.GuessedRight;
        BeamSearches += other.BeamSearches;
        Generated += other.Generated;
        foreach ((FinishReason reason, long count) in other.Ends)
        {
            Ends[reason] = Ends.GetValueOrDefault(reason) + count;
        }

        foreach ((CancellationReason reason, long count) in other.Cancellations)
        {
            Cancellations[reason] = Cancellations.GetValueOrDefault(reason) + count;
        }
    }
}
