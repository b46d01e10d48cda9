namespace OpenAutoGlm.Engine.Kv;

/// <summary>What a cache of prefixes has found and lost since the engine was made.</summary>
public sealed record PrefixCacheStatistics
{
    /// <summary>Sequences that asked.</summary>
    public required long Lookups { get; init; }

    /// <summary>Tokens of those sequences.</summary>
    public required long TokensAsked { get; init; }

    /// <summary>Tokens that need not be computed.</summary>
    public required long TokensHit { get; init; }

    /// <summary>Lookups that ended at a block that nobody had computed, or nobody of the same tenant.</summary>
    public required long MissesNeverSeen { get; init; }

    /// <summary>Lookups that ended at a block that had been there and gave way. Remembered for some time only; after that it counts as never seen.</summary>
    public required long MissesEvicted { get; init; }

    /// <summary>Lookups of sequences too short to fill a block before their last token.</summary>
    public required long MissesTooShort { get; init; }

    /// <summary>Lookups while the cache was switched off.</summary>
    public required long MissesDisabled { get; init; }

    /// <summary>Blocks that gave way.</summary>
    public required long Evictions { get; init; }

    /// <summary>Blocks in the cache now, whether sequences hold them or not.</summary>
    public required int KeptBlocks { get; init; }

    /// <summary>Those of them that nobody holds.</summary>
    public required int IdleBlocks { get; init; }
}
