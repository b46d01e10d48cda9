using System.Numerics;

namespace OpenAutoGlm.Models.Tokenizers.Merging;

/// <summary>
/// Merges by their two sides: open addressing with a multiplicative hash. A <see cref="Dictionary{TKey, TValue}"/>
/// of 64-bit keys hashes to left XOR right, so that all merges of a token with itself collide.
/// </summary>
sealed class MergeTable
{
    const ulong Multiplier = 0x9E3779B97F4A7C15;
    static readonly ulong Seed = (ulong)HashCode.Combine(3) << 32 | (uint)HashCode.Combine(4);

    readonly Entry[] _entries;
    readonly int _shift;

    /// <param name="capacity">How many merges will be added at most.</param>
    public MergeTable(int capacity)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, capacity) * 2);
        _entries = new Entry[size];
        _shift = 64 - BitOperations.Log2((uint)size);
    }

    /// <summary>Adds a merge; false when the two sides have one already.</summary>
    public bool TryAdd(int left, int right, int rank, int merged)
    {
        int slot = Find(left, right);
        if (_entries[slot].RankPlusOne != 0)
        {
            return false;
        }

        _entries[slot] = new Entry(left, right, rank + 1, merged);
        return true;
    }

    /// <summary>The rank and the result of a merge; −1 and −1 when there is none.</summary>
    public (int Rank, int Merged) this[int left, int right]
    {
        get
        {
            Entry entry = _entries[Find(left, right)];
            return entry.RankPlusOne == 0 ? (-1, -1) : (entry.RankPlusOne - 1, entry.Merged);
        }
    }

    /// <summary>All merges, best first.</summary>
    public IEnumerable<(int Left, int Right, int Merged)> InOrder() =>
        _entries.Where(entry => entry.RankPlusOne != 0).OrderBy(entry => entry.RankPlusOne).Select(entry => (entry.Left, entry.Right, entry.Merged));

    int Find(int left, int right)
    {
        ulong key = (((ulong)(uint)left << 32) | (uint)right) ^ Seed;
        ulong high = Math.BigMul(key, Multiplier, out ulong low);
        int slot = (int)(((high ^ low) * Multiplier) >> _shift);
        while (_entries[slot] is { RankPlusOne: not 0 } entry && (entry.Left != left || entry.Right != right))
        {
            slot = (slot + 1) & (_entries.Length - 1);
        }

        return slot;
    }

    readonly record struct Entry(int Left, int Right, int RankPlusOne, int Merged);
}
