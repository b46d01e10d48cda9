using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>Writes every byte of a weight in the layout of a kernel, from the first byte on.</summary>
unsafe delegate void PackWeight(byte* destination);

/// <summary>What a kernel asks for: a weight in a layout.</summary>
/// <param name="Weight">The name of the weight, unique in its graph.</param>
/// <param name="Layout">
/// Names the order of the bytes and everything that the packed bytes depend on but the weight itself: panel height, block
/// length, format.
/// </param>
/// <param name="Bytes">The size in that layout.</param>
readonly record struct PackedKey(string Weight, string Layout, long Bytes)
{
    public override string ToString() => $"{Weight} as {Layout}, {Bytes} bytes";
}

/// <summary>
/// The weights of one plan in the layouts of its kernels. A kernel asks while it is made; who asks for the same again is
/// given the same bytes. The memory lives as long as the plan, which owns this object.
/// </summary>
sealed unsafe class PackedWeights : IDisposable
{
    readonly Dictionary<PackedKey, nint> _packed = [];
    readonly PackedMemory _memory = new();
    bool _disposed;

    /// <summary>The bytes of a weight in a layout, aligned to a small page; found where they were packed before, else packed now.</summary>
    /// <param name="weight">The name of the weight, unique in its graph.</param>
    /// <param name="layout">The name of the layout, see <see cref="PackedKey.Layout"/>.</param>
    /// <param name="bytes">The size in that layout, at least 1.</param>
    /// <param name="sources">What is read; its pages are given back to their file afterwards.</param>
    /// <param name="pack">Writes the bytes; the memory is zeroed before.</param>
    internal byte* Get(string weight, string layout, long bytes, ReadOnlySpan<Tensor> sources, PackWeight pack)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        PackedKey key = new(weight, layout, bytes);
        if (_packed.TryGetValue(key, out nint known))
        {
            return (byte*)known;
        }

        byte* place = _memory.Take(bytes);
        pack(place);
        foreach (Tensor source in sources)
        {
            source.ReleasePages();
        }

        _packed.Add(key, (nint)place);
        return place;
    }

    /// <summary>Frees the memory. No kernel must read it any more.</summary>
    public void Dispose()
    {
        _disposed = true;
        _memory.Dispose();
    }
}
