using System.Collections.Immutable;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine;

/// <summary>What to continue, how to choose the tokens and when to stop. Token ids only.</summary>
public sealed record SequenceRequest
{
    /// <summary>The tokens to continue: at least one, each 0 … vocabulary − 1.</summary>
    public required ImmutableArray<int> Prompt { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Most tokens to generate, at least 1; null for the rest of the context.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Tokens that end the sequence. The one that did is the last event and is counted.</summary>
    public ImmutableArray<int> StopTokens { get; init; } = [];

    /// <summary>Which of several samples of one prompt this is; part of the key of every random draw.</summary>
    public int SampleIndex { get; init; }

    /// <summary>Restricts the tokens at every position; null for all of them. Belongs to this sequence alone.</summary>
    public ITokenMask? Mask { get; init; }
}
