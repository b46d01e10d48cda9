using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>
/// Some thousand blocks of normal numbers in a format. A large tensor is filled with draws from the pool, which is as
/// fast as memory: each block is what quantising would have made, only that blocks come back now and then.
/// </summary>
sealed class BlockPool
{
    const int PlainRun = 32;

    readonly byte[] _units;

    /// <summary>A pool of so many elements (a power of two) for rows of a length, with this standard deviation.</summary>
    public BlockPool(TensorFormat format, int rowLength, float deviation, int seed, int poolElements)
    {
        BlockFormat block = BlockFormat.Of(format);
        UnitElements = block.BlockElements > 1 ? block.BlockElements : rowLength % PlainRun == 0 ? PlainRun : 1;
        UnitBytes = (int)block.RowBytes(UnitElements);
        UnitCount = poolElements / UnitElements;

        float[] values = new float[poolElements];
        SplitMix random = SplitMix.For(seed, $"{format} {deviation}");
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = random.NextNormal() * deviation;
        }

        _units = new byte[UnitCount * UnitBytes];
        block.Quantize(values, [], _units);
    }

    /// <summary>Elements of a unit: a block, or a run of a plain format.</summary>
    public int UnitElements { get; }

    /// <summary>Bytes of a unit.</summary>
    public int UnitBytes { get; }

    int UnitCount { get; }

    /// <summary>Fills whole units with draws.</summary>
    public void Fill(Span<byte> units, SplitMix random)
    {
        // The count is a power of two, so each draw takes so many bits.
        for (int at = 0; at < units.Length; at += UnitBytes)
        {
            int unit = (int)(random.Next() & (ulong)(UnitCount - 1));
            _units.AsSpan(unit * UnitBytes, UnitBytes).CopyTo(units[at..]);
        }
    }
}
