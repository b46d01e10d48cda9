namespace OpenAutoGlm.Engine.Kv;

/// <summary>What a cache of prefixes has found and lost since the engine was made.</summary>
public sealed record PrefixCacheStatistics
{
    /// <summary>Sequences that were begun, and those that were resumed.</summary>
    public long Lookups { get; init; }

    /// <summary>Tokens of those sequences.</summary>
    public long TokensAsked { get; init; }

    /// <summary>Tokens that need not be computed, wherever they were found.</summary>
    public long TokensHit { get; init; }

    /// <summary>Those of them that were read from the second tier.</summary>
    public long TokensPromoted { get; init; }

    /// <summary>Lookups that ended at a block that nobody had computed, or nobody of the same tenant.</summary>
    public long MissesNeverSeen { get; init; }

    /// <summary>Lookups that ended at a block that had been there and gave way. Remembered for some time only; after that it counts as never seen.</summary>
    public long MissesEvicted { get; init; }

    /// <summary>Lookups of sequences too short to fill a block before their last token.</summary>
    public long MissesTooShort { get; init; }

    /// <summary>Lookups while the cache was switched off.</summary>
    public long MissesDisabled { get; init; }

    /// <summary>Blocks that gave way.</summary>
    public long Evictions { get; init; }

    /// <summary>Blocks in the cache now, whether sequences hold them or not.</summary>
    public int KeptBlocks { get; init; }

    /// <summary>Those of them that nobody holds.</summary>
    public int IdleBlocks { get; init; }

    /// <summary>The second tier; null where none was asked for.</summary>
    public BlockStoreStatistics? Store { get; init; }
}

/// <summary>What the second tier of a cache of prefixes has done since the engine was made.</summary>
public sealed record BlockStoreStatistics
{
    /// <summary>Why there is no second tier although it was asked for, or no more; null while all is well.</summary>
    public required string? Problem { get; init; }

    /// <summary>Blocks that it can hold.</summary>
    public int Slots { get; init; }

    /// <summary>Blocks that it holds.</summary>
    public int UsedSlots { get; init; }

    /// <summary>Blocks written.</summary>
    public long Written { get; init; }

    /// <summary>Blocks read again.</summary>
    public long Promoted { get; init; }

    /// <summary>Blocks that were not in order any more and were given up.</summary>
    public long Damaged { get; init; }

    /// <summary>Blocks that others were written over.</summary>
    public long Overwritten { get; init; }

    /// <summary>Measured speed of reading.</summary>
    public double ReadBytesPerSecond { get; init; }

    /// <summary>Measured speed of writing.</summary>
    public double WriteBytesPerSecond { get; init; }
}
