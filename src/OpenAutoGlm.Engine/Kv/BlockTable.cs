namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The blocks that a sequence holds, in the order of its positions, and what the cache of prefixes notes about them.
/// Filled and emptied by a <see cref="KvMemory"/> alone.
/// </summary>
sealed class BlockTable
{
    int[] _blocks = [];
    long _lastSerial;

    internal int Count { get; private set; }

    /// <summary>The blocks; of those that were forgotten the number is 0, which is valid, but nobody's.</summary>
    internal ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, Count);

    /// <summary>How many places at the start hold nothing any more.</summary>
    internal int Forgotten { get; set; }

    /// <summary>How many blocks from the start the cache knows.</summary>
    internal int Kept { get; private set; }

    /// <summary>What the cache calls the last of them; null where it knows none.</summary>
    internal PrefixNode? Last { get; private set; }

    /// <summary>Whether <see cref="Last"/> is still what it was: a node that went may have come back as another.</summary>
    internal bool LastIsAlive => Last is null || Last.Serial == _lastSerial;

    /// <summary>Whether the cache has given up on following this table.</summary>
    internal bool IsUnfollowed { get; set; }

    /// <summary>A lookup that is counted when the table grows on it, and not at all when it is given up.</summary>
    internal PrefixLookup Lookup { get; set; }

    internal void Add(int block)
    {
        if (Count == _blocks.Length)
        {
            Array.Resize(ref _blocks, Math.Max(8, 2 * Count));
        }

        _blocks[Count++] = block;
    }

    internal void Set(int index, int block) => _blocks.AsSpan(0, Count)[index] = block;

    /// <summary>Leaves the first blocks and no others.</summary>
    internal void Cut(int count)
    {
        Count = count;
        Forgotten = Math.Min(Forgotten, count);
    }

    internal void Follow(int kept, PrefixNode? last)
    {
        (Kept, Last, _lastSerial) = (kept, last, last?.Serial ?? 0);
    }

    internal void Clear()
    {
        (Count, Forgotten, IsUnfollowed, Lookup) = (0, 0, false, default);
        Follow(0, null);
    }
}
