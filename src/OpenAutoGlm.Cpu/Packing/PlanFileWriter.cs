using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>
/// Writes a plan file so that its name holds the whole content or what it held before: into a file of its own name beside
/// it, flushed to the disk, then renamed. Two processes that write the same plan do not meet; the later one wins.
/// </summary>
static unsafe class PlanFileWriter
{
    const string Partial = ".partial";
    const int MostAttempts = 5;

    /// <summary>Writes the packed weights, in the order given.</summary>
    /// <exception cref="IOException">The disk is full, or the place cannot be written to.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder must not be written to.</exception>
    internal static void Write(string path, string key, IReadOnlyList<(PackedKey Key, nint Place)> weights)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        RemoveRemains(folder, Path.GetFileName(path));
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                WriteOnce(path, key, weights);
                return;
            }
            catch (FileNotFoundException) when (attempt < MostAttempts)
            {
                // Between the end of the lock and the new name another writer took the file for what a killed one left.
            }
        }
    }

    static void WriteOnce(string path, string key, IReadOnlyList<(PackedKey Key, nint Place)> weights)
    {
        string partial = $"{path}.{Environment.ProcessId:x}-{Guid.NewGuid():n}{Partial}";
        try
        {
            using (FileStream stream = new(partial, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                WriteAll(stream, key, weights);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    static void WriteAll(FileStream stream, string key, IReadOnlyList<(PackedKey Key, nint Place)> weights)
    {
        List<PlanFileEntry> entries = [];
        long end = 0;
        foreach ((PackedKey packed, _) in weights)
        {
            entries.Add(new PlanFileEntry(packed, end));
            end = checked(end + packed.Bytes + PackedMemory.Alignment - 1) & -PackedMemory.Alignment;
        }

        // Whole blocks at multiples of their size: a file system with large pages then caches them in such pages.
        stream.Position = PlanFileHeader.DataOffset;
        List<ulong> sums = [];
        using MemoryNodes.Turn turns = MemoryNodes.TakeTurns(); // for the cache of files, from which the next start maps
        byte[] block = new byte[PlanFileHeader.BlockBytes];
        int filled = 0;
        for (int i = 0; i < weights.Count; i++)
        {
            (PackedKey packed, nint place) = weights[i];
            long padded = (i + 1 < weights.Count ? entries[i + 1].Offset : end) - entries[i].Offset;
            for (long done = 0; done < padded;)
            {
                int take = (int)Math.Min(padded - done, block.Length - filled);
                int real = (int)Math.Clamp(packed.Bytes - done, 0, take);
                new ReadOnlySpan<byte>((byte*)place + done, real).CopyTo(block.AsSpan(filled));
                block.AsSpan(filled + real, take - real).Clear();
                (done, filled) = (done + take, filled + take);
                if (filled == block.Length)
                {
                    WriteBlock();
                }
            }
        }

        if (filled > 0)
        {
            block.AsSpan(filled).Clear();
            WriteBlock();
        }

        (byte[] head, byte[] table) = new PlanFileHeader(key, entries, sums).Write();
        stream.Write(table);
        stream.Position = 0;
        stream.Write(head);

        void WriteBlock()
        {
            sums.Add(ContentSum.Of(block));
            stream.Write(block);
            filled = 0;
        }
    }

    /// <summary>
    /// Removes what killed processes left. A file that is being written is locked, and a lock ends with its process; where
    /// the system has no locks, a writer may lose its file, and says so.
    /// </summary>
    static void RemoveRemains(string folder, string name)
    {
        foreach (string remains in Directory.EnumerateFiles(folder, $"{name}.*{Partial}"))
        {
            try
            {
                using (new FileStream(remains, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                    File.Delete(remains);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Somebody writes it, or it is not ours to remove.
            }
        }
    }
}
