namespace OpenAutoGlm.Engine.Kv;

/// <summary>The slots of a <see cref="BlockStore"/>: which are free, which block each of the others holds, and which was used last. Every operation takes constant time.</summary>
sealed class SlotList
{
    const int None = -1;

    readonly Dictionary<UInt128, int> _byDigest = [];
    readonly List<Entry> _entries = []; // of the slots that were ever used
    readonly Stack<int> _free = [];
    int _used;
    int _oldest = None;
    int _newest = None;

    internal SlotList(int capacity) => Capacity = capacity;

    internal int Capacity { get; }

    /// <summary>How many hold a block; from any thread.</summary>
    internal int UsedCount => Volatile.Read(ref _used);

    internal bool Contains(UInt128 digest) => _byDigest.ContainsKey(digest);

    internal bool TryFind(UInt128 digest, out int slot) => _byDigest.TryGetValue(digest, out slot);

    internal void Touch(UInt128 digest)
    {
        if (_byDigest.TryGetValue(digest, out int slot) && slot != _newest)
        {
            Unlink(slot);
            LinkNewest(slot);
        }
    }

    /// <summary>A slot to write to: one that is free, or the least recently used, whose block is forgotten. It is nobody's until it is named.</summary>
    internal int Take(out bool wasUsed)
    {
        wasUsed = false;
        if (_free.TryPop(out int slot))
        {
            return slot;
        }

        if (_entries.Count < Capacity)
        {
            _entries.Add(default);
            return _entries.Count - 1;
        }

        wasUsed = true;
        slot = _oldest;
        Forget(slot);
        return slot;
    }

    /// <summary>Says which block a taken slot holds now.</summary>
    internal void Name(int slot, UInt128 digest)
    {
        _byDigest.Add(digest, slot);
        _entries[slot] = new Entry(digest, None, None);
        LinkNewest(slot);
        _used++;
    }

    internal void Free(int slot)
    {
        Forget(slot);
        _free.Push(slot);
    }

    /// <summary>Takes over what was found in a file, the least recently written first. Of two slots with the same block the later counts.</summary>
    internal void Restore(IReadOnlyList<(int Slot, UInt128 Digest)> found)
    {
        int end = found.Count == 0 ? 0 : found.Max(pair => pair.Slot) + 1;
        for (int slot = 0; slot < end; slot++)
        {
            _entries.Add(default);
        }

        foreach ((int slot, UInt128 digest) in found)
        {
            if (_byDigest.TryGetValue(digest, out int earlier))
            {
                Free(earlier);
            }

            Name(slot, digest);
        }

        HashSet<int> named = [.. found.Select(pair => pair.Slot)];
        for (int slot = end - 1; slot >= 0; slot--)
        {
            if (!named.Contains(slot))
            {
                _free.Push(slot);
            }
        }
    }

    void Forget(int slot)
    {
        Unlink(slot);
        _byDigest.Remove(_entries[slot].Digest);
        _used--;
    }

    void LinkNewest(int slot)
    {
        _entries[slot] = _entries[slot] with { Older = _newest, Newer = None };
        if (_newest == None)
        {
            _oldest = slot;
        }
        else
        {
            _entries[_newest] = _entries[_newest] with { Newer = slot };
        }

        _newest = slot;
    }

    void Unlink(int slot)
    {
        Entry entry = _entries[slot];
        if (entry.Older == None)
        {
            _oldest = entry.Newer;
        }
        else
        {
            _entries[entry.Older] = _entries[entry.Older] with { Newer = entry.Newer };
        }

        if (entry.Newer == None)
        {
            _newest = entry.Older;
        }
        else
        {
            _entries[entry.Newer] = _entries[entry.Newer] with { Older = entry.Older };
        }
    }

    readonly record struct Entry(UInt128 Digest, int Older, int Newer);
}
