using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>What an analysis looks at.</summary>
public sealed record AnalysisOptions
{
    /// <summary>What the machine can do.</summary>
    public required MachineRates Machine { get; init; }

    /// <summary>Tokens before the one that is written.</summary>
    public int Depth { get; init; } = 256;

    /// <summary>Tokens of the prompt that is read.</summary>
    public int PromptTokens { get; init; } = 512;

    /// <summary>Sequences of the batch; 1 for none.</summary>
    public int Sequences { get; init; } = 8;

    /// <summary>Lengths of sequences whose keys and values are counted; empty for 4,096 and the longest that the model knows.</summary>
    public ImmutableArray<int> Contexts { get; init; } = [];

    /// <summary>How often each way of running is timed; 0 for calculating only.</summary>
    public int Repetitions { get; init; } = 5;
}
