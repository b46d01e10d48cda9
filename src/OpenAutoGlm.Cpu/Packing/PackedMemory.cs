namespace OpenAutoGlm.Cpu.Packing;

/// <summary>Memory that only grows, in slabs of huge pages; pieces lie one behind another at multiples of 4 KiB.</summary>
sealed unsafe class PackedMemory : IDisposable
{
    /// <summary>Every piece begins at a multiple of this: a small page.</summary>
    internal const int Alignment = 4096;

    const long SmallestSlab = HugeMemory.PageBytes;
    const long LargestSlab = 128L << 20;

    readonly List<HugeMemory> _slabs = [];
    long _used;

    /// <summary>Zeroed memory for one piece.</summary>
    internal byte* Take(long bytes)
    {
        if (_slabs.Count == 0 || bytes > _slabs[^1].Bytes - _used)
        {
            // Slabs grow with what they hold, so that a test takes little and a model few.
            long slab = _slabs.Count == 0 ? SmallestSlab : Math.Min(LargestSlab, 2 * _slabs[^1].Bytes);
            _slabs.Add(new HugeMemory(Math.Max(slab, bytes)));
            _used = 0;
        }

        byte* place = _slabs[^1].Pointer + _used;
        _used += checked(bytes + Alignment - 1) & -Alignment;
        return place;
    }

    public void Dispose()
    {
        foreach (HugeMemory slab in _slabs)
        {
            slab.Dispose();
        }

        _slabs.Clear();
    }
}
