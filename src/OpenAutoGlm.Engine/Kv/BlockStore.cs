using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The second tier of a <see cref="PrefixCache"/>: blocks that gave way in memory, in a file of fixed slots, the least
/// recently used overwritten first. A slot carries the tokens, a digest of all that comes before, and checksums, so that
/// a slot that was only half written when the process died, or was damaged since, is told from a good one; the index is
/// in memory and rebuilt from the slots. Whatever goes wrong with the file switches the store off and is told in
/// <see cref="Statistics"/>; nothing is ever thrown at the engine.
/// </summary>
/// <remarks>
/// The file is read and written, not mapped: a mapped file on a full disk kills the process at some store instruction,
/// while a failed write is an error that can be handled. It holds what users wrote, so only its owner may read it.
/// <code>
/// header   4,096 bytes: magic, version, what the blocks are of, key of the digests, checksum
/// slot     checksum of the slot's header, checksum of the block, stamp, depth, digest, digest of what comes before,
///          tokens; then the block; the whole rounded up to 4,096 bytes
/// </code>
/// </remarks>
sealed class BlockStore : IDisposable
{
    const int Version = 1;
    const int Page = 4096;
    const int TokensAt = 64;
    const long LargestBlock = 1 << 30;
    const double NewestWeight = 1.0 / 8;
    const double UnmeasuredBytesPerSecond = 500e6;
    static readonly byte[] Magic = "AUTOGLM KV STORE"u8.ToArray();

    readonly StoreFile _file;
    readonly bool _survives;
    readonly TimeProvider _time;
    readonly IBlockMemory _memory;
    readonly byte[] _key = new byte[32];
    readonly byte[] _buffer; // a slot's header and block
    readonly int _headerBytes;
    readonly long _slotBytes;
    readonly SlotList _slots;
    long _lastStamp;
    long _written;
    long _promoted;
    long _damaged;
    long _overwritten;
    double _readRate = UnmeasuredBytesPerSecond;
    double _writeRate = UnmeasuredBytesPerSecond;
    volatile string? _problem;

    BlockStore(StoreFile file, PrefixCacheOptions options, IBlockMemory memory, int blockTokens, long slotBytes, TimeProvider time)
    {
        (_file, _survives, _memory, _slotBytes, _time) = (file, options.ModelIdentity is not null, memory, slotBytes, time);
        _headerBytes = HeaderBytes(blockTokens);
        _buffer = GC.AllocateUninitializedArray<byte>(checked(_headerBytes + (int)memory.BlockBytes));
        _slots = new SlotList((int)Math.Min((options.StoreBytes - Page) / slotBytes, int.MaxValue / 2));
        Start(ContentOf(options.ModelIdentity ?? "", memory, blockTokens));
    }

    internal bool IsOn => _problem is null;

    /// <summary>Estimated seconds to bring a block back.</summary>
    internal double ReadSeconds => _buffer.Length / _readRate;

    /// <summary>Estimated seconds to put a block down.</summary>
    internal double WriteSeconds => _buffer.Length / _writeRate;

    /// <summary>From any thread.</summary>
    internal BlockStoreStatistics Statistics => new()
    {
        Problem = _problem,
        Slots = _slots.Capacity,
        UsedSlots = _slots.UsedCount,
        Written = Volatile.Read(ref _written),
        Promoted = Volatile.Read(ref _promoted),
        Damaged = Volatile.Read(ref _damaged),
        Overwritten = Volatile.Read(ref _overwritten),
        ReadBytesPerSecond = Volatile.Read(ref _readRate),
        WriteBytesPerSecond = Volatile.Read(ref _writeRate),
    };

    /// <summary>Opens or makes the file that the options name.</summary>
    /// <param name="options">The path, the size, and whether what is there may be used.</param>
    /// <param name="memory">What blocks are copied from and to.</param>
    /// <param name="blockTokens">Tokens in a block.</param>
    /// <param name="time">The clock that speeds are measured by.</param>
    /// <param name="problem">Why there is no store, and what would help.</param>
    /// <param name="open">Opens the file of a path.</param>
    /// <returns>The store; null where there is none.</returns>
    internal static BlockStore? TryOpen(
        PrefixCacheOptions options, IBlockMemory memory, int blockTokens, TimeProvider time, out string? problem, Func<string, StoreFile>? open = null)
    {
        long slotBytes = (HeaderBytes(blockTokens) + memory.BlockBytes + Page - 1) / Page * Page;
        if (memory.BlockBytes is <= 0 or > LargestBlock || options.StoreBytes < Page + slotBytes)
        {
            problem = $"{nameof(PrefixCacheOptions.StoreBytes)} is {options.StoreBytes:N0}, but one block of {memory.BlockBytes:N0} bytes takes {Page + slotBytes:N0} in a store, and no block may have more than {LargestBlock:N0}.";
            return null;
        }

        StoreFile? file = null;
        try
        {
            file = open is null ? new StoreFile(options.StorePath!) : open(options.StorePath!);
            byte[] start = new byte[Magic.Length];
            if (file.Length > 0 && (file.Read(start, 0) < start.Length || !start.AsSpan().SequenceEqual(Magic)))
            {
                file.Dispose();
                problem = $"{options.StorePath} is something else than a store of blocks and was left alone: name another file, or delete it.";
                return null;
            }

            problem = null;
            return new BlockStore(file, options, memory, blockTokens, slotBytes, time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            file?.Dispose();
            problem = $"{options.StorePath} cannot be used as a store of blocks, and one process alone can use it: {error.Message}";
            return null;
        }
    }

    /// <summary>The digest of the empty prefix of a tenant; null is a tenant too. The key is the file's own.</summary>
    internal UInt128 DigestOfTenant(string? tenant) =>
        Digest([.. _key, tenant is null ? (byte)0 : (byte)1, .. Encoding.Unicode.GetBytes(tenant ?? "")]);

    /// <summary>The digest of a block and all that comes before: SHA-256, of which 128 bits are kept.</summary>
    internal static UInt128 DigestOf(UInt128 parent, ReadOnlySpan<int> tokens)
    {
        Span<byte> bytes = stackalloc byte[16 + (4 * tokens.Length)];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, parent);
        MemoryMarshal.AsBytes(tokens).CopyTo(bytes[16..]);
        return Digest(bytes);
    }

    internal bool Contains(UInt128 digest) => IsOn && _slots.Contains(digest);

    /// <summary>Notes that a block would be of use again.</summary>
    internal void Touch(UInt128 digest) => _slots.Touch(digest);

    /// <summary>Puts a block down, over the least recently used one where all slots are taken.</summary>
    internal void Write(UInt128 digest, UInt128 parent, int depth, ReadOnlySpan<int> tokens, int block)
    {
        if (!IsOn)
        {
            return;
        }

        long start = _time.GetTimestamp();
        int slot = _slots.Take(out bool wasUsed);
        _overwritten += wasUsed ? 1 : 0;
        Span<byte> header = _buffer.AsSpan(0, _headerBytes);
        header.Clear();
        _memory.Read(block, _buffer.AsSpan(_headerBytes));
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], ContentSum.Of(_buffer.AsSpan(_headerBytes)));
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], ++_lastStamp);
        BinaryPrimitives.WriteInt32LittleEndian(header[24..], depth);
        BinaryPrimitives.WriteUInt128LittleEndian(header[32..], digest);
        BinaryPrimitives.WriteUInt128LittleEndian(header[48..], parent);
        MemoryMarshal.AsBytes(tokens).CopyTo(header[TokensAt..]);
        BinaryPrimitives.WriteUInt64LittleEndian(header, ContentSum.Of(header[8..]));
        try
        {
            // A slot without a header is free; so at no instant a header stands before the bytes of another block.
            if (wasUsed)
            {
                Span<byte> nothing = stackalloc byte[TokensAt];
                nothing.Clear();
                _file.Write(nothing, OffsetOf(slot));
            }

            _file.Write(_buffer.AsSpan(_headerBytes), OffsetOf(slot) + _headerBytes);
            _file.Write(header, OffsetOf(slot));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            SwitchOff(error);
            return;
        }

        _slots.Name(slot, digest);
        _written++;
        Measure(ref _writeRate, start);
    }

    /// <summary>Brings a block back; false where it is not there, or not in order any more.</summary>
    internal bool TryRead(UInt128 digest, ReadOnlySpan<int> tokens, int block)
    {
        if (!IsOn || !_slots.TryFind(digest, out int slot))
        {
            return false;
        }

        long start = _time.GetTimestamp();
        try
        {
            int read = _file.Read(_buffer, OffsetOf(slot));
            Span<byte> header = _buffer.AsSpan(0, _headerBytes);
            Span<byte> bytes = _buffer.AsSpan(_headerBytes);
            bool isGood = read == _buffer.Length
                && IsHeader(header)
                && BinaryPrimitives.ReadUInt128LittleEndian(header[32..]) == digest
                && MemoryMarshal.AsBytes(tokens).SequenceEqual(header.Slice(TokensAt, 4 * tokens.Length))
                && BinaryPrimitives.ReadUInt64LittleEndian(header[8..]) == ContentSum.Of(bytes);
            if (!isGood)
            {
                _damaged++;
                _slots.Free(slot);
                return false;
            }

            _memory.Write(block, bytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            SwitchOff(error);
            return false;
        }

        _slots.Touch(digest);
        _promoted++;
        Measure(ref _readRate, start);
        return true;
    }

    /// <summary>Closes the file, and deletes it where nobody said what model it is of: it would be of no use any more.</summary>
    public void Dispose()
    {
        _file.Dispose();
        if (!_survives)
        {
            try
            {
                File.Delete(_file.Path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                _problem ??= error.Message;
            }
        }
    }

    static int HeaderBytes(int blockTokens) => (TokensAt + (4 * blockTokens) + 63) / 64 * 64;

    /// <summary>What must be the same for blocks to mean the same.</summary>
    static byte[] ContentOf(string model, IBlockMemory memory, int blockTokens) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{model}\n{memory.Layout}\n{memory.BlockBytes} bytes\n{blockTokens} tokens"));

    static UInt128 Digest(ReadOnlySpan<byte> bytes)
    {
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, whole);
        return BinaryPrimitives.ReadUInt128LittleEndian(whole);
    }

    static bool IsHeader(ReadOnlySpan<byte> header) =>
        BinaryPrimitives.ReadInt64LittleEndian(header[16..]) > 0 && BinaryPrimitives.ReadUInt64LittleEndian(header) == ContentSum.Of(header[8..]);

    long OffsetOf(int slot) => Page + (slot * _slotBytes);

    /// <summary>Takes over what is in the file where it is of the same content, or starts an empty one.</summary>
    void Start(byte[] content)
    {
        _file.Protect();
        byte[] header = new byte[Page];
        bool isWhole = _file.Read(header, 0) == Page
            && BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(Page - 8)) == ContentSum.Of(header.AsSpan(0, Page - 8));
        if (_survives && isWhole && BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(16)) == Version && header.AsSpan(32, 32).SequenceEqual(content))
        {
            header.AsSpan(64, 32).CopyTo(_key);
            _file.Shorten(OffsetOf(_slots.Capacity));
            Scan();
            return;
        }

        RandomNumberGenerator.Fill(_key);
        Array.Clear(header);
        Magic.CopyTo(header, 0);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), Version);
        content.CopyTo(header, 32);
        _key.CopyTo(header, 64);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(Page - 8), ContentSum.Of(header.AsSpan(0, Page - 8)));
        _file.Shorten(0);
        _file.Write(header, 0);
    }

    /// <summary>Finds the slots that have a header in order; whether their blocks are shows when they are read.</summary>
    void Scan()
    {
        List<(long Stamp, int Slot, UInt128 Digest)> found = [];
        byte[] header = new byte[_headerBytes];
        int slots = (int)Math.Min(_slots.Capacity, (_file.Length - Page) / _slotBytes + 1);
        for (int slot = 0; slot < slots; slot++)
        {
            if (_file.Read(header, OffsetOf(slot)) == header.Length && IsHeader(header))
            {
                found.Add((BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(16)), slot, BinaryPrimitives.ReadUInt128LittleEndian(header.AsSpan(32))));
            }
        }

        found.Sort();
        _lastStamp = found.Count == 0 ? 0 : found[^1].Stamp;
        _slots.Restore([.. found.Select(entry => (entry.Slot, entry.Digest))]);
    }

    void Measure(ref double rate, long start)
    {
        double seconds = Math.Max(_time.GetElapsedTime(start).TotalSeconds, 1e-9);
        Volatile.Write(ref rate, rate + (NewestWeight * ((_buffer.Length / seconds) - rate)));
    }

    void SwitchOff(Exception error) => _problem = $"{_file.Path}: {error.Message} The store is switched off until the engine starts again.";
}
