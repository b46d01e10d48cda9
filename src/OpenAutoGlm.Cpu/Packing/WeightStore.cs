using System.Diagnostics;
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
/// given the same bytes. They come from the plan file of an earlier start or are packed now, into huge pages, and then
/// kept in a plan file for the next start. The memory lives as long as the plan, which owns this object.
/// </summary>
sealed unsafe class WeightStore : IDisposable
{
    readonly Dictionary<PackedKey, nint> _packed = [];
    readonly List<(PackedKey Key, nint Place)> _inOrder = [];
    readonly PackedMemory _memory = new();
    readonly PlanCache? _cache;
    readonly string _key;
    readonly PlanFile? _file;
    readonly string? _reason;
    long _bytes;
    long _packedBytes;
    bool _disposed;

    /// <summary>Weights that are packed now and kept nowhere.</summary>
    internal WeightStore() => _key = "";

    /// <summary>Weights that may have been packed before.</summary>
    /// <param name="cache">Where; null for nowhere.</param>
    /// <param name="machine">Everything besides the model that the packed bytes depend on: build, instruction set.</param>
    /// <param name="damage">What was wrong with a file that was found before: none is looked for then, and a new one is written.</param>
    internal WeightStore(PlanCache? cache, string machine, string? damage = null)
    {
        (_cache, _key, _reason) = (cache, cache is null ? "" : $"model {cache.Model}, {machine}", damage);
        if (damage is not null)
        {
            return;
        }

        foreach (string path in cache?.Paths ?? [])
        {
            if (PlanFile.TryOpen(path, _key, out _file, out string? reason))
            {
                _reason = null;
                return;
            }

            _reason ??= reason is null ? null : $"{path}: {reason}";
        }
    }

    /// <summary>What became of the plan file; final after <see cref="Keep"/>.</summary>
    internal PlanFileReport Report { get; private set; } = new(PlanFileOutcome.None, null, 0, null);

    /// <summary>Bytes of all packed weights.</summary>
    internal long Bytes => _bytes;

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

        byte* place = _file is null ? null : _file.Find(key);
        if (place is null)
        {
            place = _memory.Take(bytes);
            pack(place);
            _packedBytes += bytes;
            foreach (Tensor source in sources)
            {
                source.ReleasePages();
            }
        }

        _packed.Add(key, (nint)place);
        _inOrder.Add((key, (nint)place));
        _bytes += bytes;
        return place;
    }

    /// <summary>
    /// Says that every kernel has its weights. Writes the plan file if any of them had to be packed; that it cannot be
    /// written is no failure, and the report says so.
    /// </summary>
    /// <exception cref="PlanFileException">The file that weights came from is damaged, so that all of them are to be packed.</exception>
    internal void Keep()
    {
        Debug.Assert(Report.Outcome == PlanFileOutcome.None);
        if (_file?.Damage() is { } damage)
        {
            throw new PlanFileException($"{_file.Path}: {damage}");
        }

        Report = _cache is null || _bytes < _cache.LeastBytes || (_cache.IsReadOnly && _packedBytes > 0) ? new PlanFileReport(PlanFileOutcome.None, null, _bytes, null)
            : _packedBytes == 0 ? new PlanFileReport(PlanFileOutcome.Mapped, _file!.Path, _bytes, null)
            : Write(_cache);
    }

    /// <summary>Frees the memory. No kernel must read it any more.</summary>
    public void Dispose()
    {
        _disposed = true;
        _memory.Dispose();
        _file?.Dispose();
    }

    PlanFileReport Write(PlanCache cache)
    {
        string? reason = _reason ?? (_file is null ? null : $"{_file.Path}: it lacks {_packedBytes} bytes of weights");
        List<string> failures = [];
        foreach (string path in cache.Paths)
        {
            try
            {
                PlanFileWriter.Write(path, _key, _inOrder);
                return new PlanFileReport(PlanFileOutcome.Written, path, _bytes, failures.FirstOrDefault() ?? reason);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or PlanFileException or NotSupportedException or ArgumentException)
            {
                failures.Add($"{path}: {error.Message.TrimEnd('.')}");
            }
        }

        return new PlanFileReport(PlanFileOutcome.Failed, null, _bytes, string.Join("; ", failures));
    }
}
