using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Tensors;
using Microsoft.Win32.SafeHandles;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>A plan file, checked from end to end and mapped. Nothing in it is trusted: what is wrong makes it useless, and no more.</summary>
sealed unsafe class PlanFile : IDisposable
{
    readonly FileMapping? _data;
    readonly FrozenDictionary<PackedKey, long> _offsets;

    PlanFile(string path, FileMapping? data, PlanFileHeader header)
    {
        (Path, _data) = (path, data);
        _offsets = header.Entries.ToFrozenDictionary(entry => entry.Key, entry => entry.Offset);
    }

    /// <summary>Where it lies.</summary>
    internal string Path { get; }

    /// <summary>Opens a file if it is there and good.</summary>
    /// <param name="path">Where it may lie.</param>
    /// <param name="key">What it must have been made for.</param>
    /// <param name="pool">Threads that check the data.</param>
    /// <param name="file">The file, or null.</param>
    /// <param name="reason">Why not; null where there is no file.</param>
    internal static bool TryOpen(string path, string key, WorkerPool pool, [NotNullWhen(true)] out PlanFile? file, out string? reason)
    {
        (file, reason) = (null, null);
        if (!File.Exists(path))
        {
            return false;
        }

        try
        {
            file = Open(path, key, pool);
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

    /// <summary>Unmaps the file. What was found in it must not be read any more.</summary>
    public void Dispose() => _data?.Dispose();

    static PlanFile Open(string path, string key, WorkerPool pool)
    {
        using SafeFileHandle handle = FileMapping.OpenForReading(path);
        long bytes = RandomAccess.GetLength(handle);
        PlanFileHeader header = PlanFileHeader.Read(bytes, (offset, count) => Read(handle, offset, count));
        if (header.Key != key)
        {
            throw new PlanFileException($"it was made for another {Difference(header.Key, key)}");
        }

        if (header.BlockSums.Count == 0)
        {
            return new PlanFile(path, null, header);
        }

        FileMapping data = FileMapping.Map(handle, PlanFileHeader.DataOffset, header.DataBytes);
        try
        {
            CheckJob check = new(data, header.BlockSums);
            pool.Run(check, header.BlockSums.Count);
            return check.Damaged < 0
                ? new PlanFile(path, data, header)
                : throw new PlanFileException($"its data are damaged in the 2 MiB from byte {PlanFileHeader.DataOffset + ((long)check.Damaged * PlanFileHeader.BlockBytes)} on");
        }
        catch
        {
            data.Dispose();
            throw;
        }
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

    /// <summary>Reading all of it for the checksums also brings it into memory, which the first token would do otherwise.</summary>
    sealed class CheckJob(FileMapping data, IReadOnlyList<ulong> sums) : IParallelJob
    {
        internal int Damaged { get; private set; } = -1;

        public void Execute(int chunk, int worker)
        {
            byte* block = data.Pointer + ((long)chunk * PlanFileHeader.BlockBytes);
            data.Populate(block, PlanFileHeader.BlockBytes);
            if (ContentSum.Of(new ReadOnlySpan<byte>(block, PlanFileHeader.BlockBytes)) != sums[chunk])
            {
                Damaged = chunk;
            }
        }
    }
}
