using System.Collections.Immutable;
using OpenAutoGlm.Engine.Kv;
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

    /// <summary>How urgent it is: smaller numbers go first, always. Equals take turns by tenant, then by age.</summary>
    public int Priority { get; init; }

    /// <summary>Longest <see cref="Tenant"/> and <see cref="CacheSalt"/>, in UTF-16 units.</summary>
    public const int MaxNameLength = 256;

    /// <summary>Whose request it is: tenants of one priority get equal shares of the engine. Null is a tenant like any other.</summary>
    public string? Tenant { get; init; }

    /// <summary>
    /// Keeps what this request computes from those with another salt, so that nobody can learn from how soon an answer begins what others have asked.
    /// Null shares with all that have none.
    /// </summary>
    public string? CacheSalt { get; init; }

    /// <summary>How long it may take, waiting included, before it is cancelled (<see cref="CancellationReason.Deadline"/>); null for ever.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How long what it computed is worth keeping for others.</summary>
    public CacheRetention Retention { get; init; }

    internal CacheScope Scope => new(CacheSalt, Retention);
}
