using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>
/// A plan file, mapped. Nothing in it is trusted: what is wrong makes it useless, and no more. Head and table are checked
/// before anything is handed out; the data meanwhile, by threads in the background, so that a start does not wait for
/// them until its kernels are made (<see cref="Damage"/>).
/// </summary>
sealed unsafe class PlanFile : IDisposable
{
    const int MostCheckers = 8;

    readonly FileMapping? _data;
    readonly FrozenDictionary<PackedKey, long> _offsets;
    readonly IReadOnlyList<ulong> _sums;
    readonly Task[] _checks;
    int _nextBlock = -1;
    int _damagedBlock = -1;

    PlanFile(string path, FileMapping? data, PlanFileHeader header)
    {
        (Path, _data, _sums) = (path, data, header.BlockSums);
        int checkers = data is null ? 0 : Math.Clamp(Environment.ProcessorCount / 2, 1, MostCheckers);
        _checks = [.. Enumerable.Range(0, checkers).Select(_ => Task.Factory.StartNew(Check, TaskCreationOptions.LongRunning))];
        _offsets = header.Entries.ToFrozenDictionary(entry => entry.Key, entry => entry.Offset);
    }

    /// <summary>Where it lies.</summary>
    internal string Path { get; }

    /// <summary>Opens a file if it is there and good.</summary>
    /// <param name="path">Where it may lie.</param>
    /// <param name="key">What it must have been made for.</param>
    /// <param name="file">The file, or null.</param>
    /// <param name="reason">Why not; null where there is no file.</param>
    internal static bool TryOpen(string path, string key, [NotNullWhen(true)] out PlanFile? file, out string? reason)
    {
        (file, reason) = (null, null);
        if (!File.Exists(path))
        {
            return false;
        }

        try
        {
            file = Open(path, key);
            return true;
        }
        catch (PlanFileException error)
        {
            reason = error.Message;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or OutOfMemoryException or ArgumentException)
        {
            reason = $"it cannot be read: {error.Message.TrimEnd('.')}";
        }

        return false;
    }

    /// <summary>Where a packed weight lies; null if the file has none such.</summary>
    internal byte* Find(PackedKey key) => _offsets.TryGetValue(key, out long offset) ? _data!.Pointer + offset : null;

    /// <summary>Waits until all data have been checked; what is wrong with them, or null.</summary>
    internal string? Damage()
    {
        Task.WaitAll(_checks);
        return _damagedBlock < 0 ? null : $"its data are damaged in the 2 MiB from byte {PlanFileHeader.DataOffset + ((long)_damagedBlock * PlanFileHeader.BlockBytes)} on";
    }

    /// <summary>Unmaps the file. What was found in it must not be read any more.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _nextBlock, _sums.Count);
        Task.WaitAll(_checks);
        _data?.Dispose();
    }

    static PlanFile Open(string path, string key)
    {
        using SafeFileHandle handle = FileMapping.OpenForReading(path);
        long bytes = RandomAccess.GetLength(handle);
        PlanFileHeader header = PlanFileHeader.Read(bytes, (offset, count) => Read(handle, offset, count));
        if (header.Key != key)
        {
            throw new PlanFileException($"it was made for another {Difference(header.Key, key)}");
        }

        FileMapping? data = header.BlockSums.Count == 0 ? null : FileMapping.Map(handle, PlanFileHeader.DataOffset, header.DataBytes);
        return new PlanFile(path, data, header);
    }

    /// <summary>The first part in which two keys differ, in words: a key is model, build and processor with commas between them.</summary>
    static string Difference(string theirs, string ours)
    {
        string[] parts = ours.Split(", ");
        int same = theirs.Split(", ").Zip(parts).TakeWhile(pair => pair.First == pair.Second).Count();
        return same == 0 ? "model" : same == 1 ? "build of this program" : "processor or way of computing";
    }

    static byte[] Read(SafeFileHandle handle, long offset, int count)
    {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count;)
        {
            int got = RandomAccess.Read(handle, bytes.AsSpan(done), offset + done);
            done += got > 0 ? got : throw new PlanFileException("it ends too soon");
        }

        return bytes;
    }

    /// <summary>Takes one block after the other. Reading them also brings them into memory, which the first token would do otherwise.</summary>
    void Check()
    {
        int block;
        using MemoryNodes.Turn turns = MemoryNodes.TakeTurns();
        while ((block = Interlocked.Increment(ref _nextBlock)) < _sums.Count)
        {
            byte* start = _data!.Pointer + ((long)block * PlanFileHeader.BlockBytes);
            _data.Populate(start, PlanFileHeader.BlockBytes);
            if (ContentSum.Of(new ReadOnlySpan<byte>(start, PlanFileHeader.BlockBytes)) != _sums[block])
            {
                Volatile.Write(ref _damagedBlock, block);
            }
        }
    }
}
