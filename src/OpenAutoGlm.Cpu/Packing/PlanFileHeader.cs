using System.Buffers.Binary;
using System.Text;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>Where a packed weight lies in a plan file.</summary>
/// <param name="Key">Weight, layout, size.</param>
/// <param name="Offset">From the start of the data.</param>
readonly record struct PlanFileEntry(PackedKey Key, long Offset);

/// <summary>
/// What stands in a plan file beside the packed weights. In order: the head (128 bytes), zeros up to 2 MiB, the data (whole
/// blocks of 2 MiB, so that they can be mapped as huge pages), the table. The head says where everything is and holds the
/// checksum of itself and the table; the table holds the key, the entries and a checksum of every block.
/// </summary>
sealed record PlanFileHeader(string Key, IReadOnlyList<PlanFileEntry> Entries, IReadOnlyList<ulong> BlockSums)
{
    /// <summary>The version of this format.</summary>
    internal const int Version = 1;

    /// <summary>Bytes of the head.</summary>
    internal const int HeadBytes = 128;

    /// <summary>Bytes of a block, which has a checksum of its own.</summary>
    internal const int BlockBytes = HugeMemory.PageBytes;

    /// <summary>Where the data begin.</summary>
    internal const long DataOffset = BlockBytes;

    const ulong Magic = 0x4E41_4C50_4D4C_4741; // "AGLMPLAN"
    const int SumAt = 56;
    const int MostTableBytes = 64 << 20;
    const int MostTextBytes = 4096;

    /// <summary>Bytes of the data.</summary>
    internal long DataBytes => (long)BlockSums.Count * BlockBytes;

    /// <summary>The table, and the head that describes it.</summary>
    internal (byte[] Head, byte[] Table) Write() => Write(table => table);

    /// <summary>The same with a table that a test has changed before its checksum is taken.</summary>
    internal (byte[] Head, byte[] Table) Write(Func<byte[], byte[]> change)
    {
        using MemoryStream stream = new();
        using (BinaryWriter writer = new(stream))
        {
            WriteText(writer, Key);
            writer.Write(Entries.Count);
            foreach (PlanFileEntry entry in Entries)
            {
                WriteText(writer, entry.Key.Weight);
                WriteText(writer, entry.Key.Layout);
                writer.Write(entry.Offset);
                writer.Write(entry.Key.Bytes);
            }

            foreach (ulong sum in BlockSums)
            {
                writer.Write(sum);
            }
        }

        byte[] table = change(stream.ToArray());
        byte[] head = new byte[HeadBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(head, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(12), BlockBytes);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(16), DataOffset + DataBytes + table.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(24), BlockSums.Count);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(32), table.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(SumAt), SumOf(head, table));
        return (head, table);
    }

    /// <summary>Reads head and table of a file of so many bytes.</summary>
    /// <exception cref="PlanFileException">They are not what they must be; the message says what.</exception>
    internal static PlanFileHeader Read(long fileBytes, Func<long, int, byte[]> read)
    {
        if (fileBytes < DataOffset)
        {
            throw new PlanFileException($"the file has {fileBytes} bytes, fewer than any plan file");
        }

        byte[] head = read(0, HeadBytes);
        int version = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(8));
        if (BinaryPrimitives.ReadUInt64LittleEndian(head) != Magic)
        {
            throw new PlanFileException("it is no plan file");
        }

        if (version != Version || BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(12)) != BlockBytes)
        {
            throw new PlanFileException($"it has version {version} of the format, and this program reads version {Version}");
        }

        long blocks = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(24));
        int tableBytes = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(32));
        bool sane = blocks >= 0 && blocks <= fileBytes / BlockBytes && tableBytes is >= 0 and <= MostTableBytes
            && DataOffset + (blocks * BlockBytes) + tableBytes == fileBytes
            && BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(16)) == fileBytes;
        if (!sane)
        {
            throw new PlanFileException($"it was cut or lengthened: {fileBytes} bytes are not what its head says");
        }

        byte[] table = read(fileBytes - tableBytes, tableBytes);
        if (SumOf(head, table) != BinaryPrimitives.ReadUInt64LittleEndian(head.AsSpan(SumAt)))
        {
            throw new PlanFileException("its head or its table is damaged");
        }

        try
        {
            return ReadTable(table, blocks);
        }
        catch (Exception error) when (error is EndOfStreamException or DecoderFallbackException)
        {
            throw new PlanFileException("its table ends too soon or holds no text where text belongs");
        }
    }

    static PlanFileHeader ReadTable(byte[] table, long blocks)
    {
        using MemoryStream stream = new(table);
        using BinaryReader reader = new(stream);
        string key = ReadText(reader);
        int count = reader.ReadInt32();
        List<PlanFileEntry> entries = [];
        for (int i = 0; i < count; i++)
        {
            PackedKey packed = new(ReadText(reader), ReadText(reader), 0);
            long offset = reader.ReadInt64();
            packed = packed with { Bytes = reader.ReadInt64() };
            if (offset < 0 || offset % PackedMemory.Alignment != 0 || packed.Bytes < 1 || packed.Bytes > (blocks * BlockBytes) - offset)
            {
                throw new PlanFileException($"{packed} at {offset} is not within its data");
            }

            entries.Add(new PlanFileEntry(packed, offset));
        }

        ulong[] sums = new ulong[blocks];
        for (int i = 0; i < sums.Length; i++)
        {
            sums[i] = reader.ReadUInt64();
        }

        return count >= 0 && stream.Position == stream.Length
            ? new PlanFileHeader(key, entries, sums)
            : throw new PlanFileException("its table has another length than its entries");
    }

    static ulong SumOf(byte[] head, byte[] table) => ContentSum.Of(head.AsSpan(SumAt + sizeof(ulong)), ContentSum.Of(head.AsSpan(0, SumAt), ContentSum.Of(table)));

    static void WriteText(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > MostTextBytes)
        {
            throw new PlanFileException($"a name of {bytes.Length} bytes is too long for it: '{text[..64]}…'");
        }

        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    static string ReadText(BinaryReader reader)
    {
        int bytes = reader.ReadInt32();
        if (bytes is < 0 or > MostTextBytes)
        {
            throw new PlanFileException($"a name in it claims {bytes} bytes");
        }

        byte[] text = reader.ReadBytes(bytes);
        return text.Length == bytes ? Encoding.UTF8.GetString(text) : throw new EndOfStreamException();
    }
}

/// <summary>A plan file cannot be used; the message says why, as a part of a sentence.</summary>
sealed class PlanFileException(string reason) : Exception(reason);
