using System.Numerics;
using System.Runtime.InteropServices;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>
/// Finds a token by its bytes: an open-addressing table of ids over the vocabulary's own storage. The hash is seeded
/// per process, so that no file can be made to collide with itself.
/// </summary>
sealed class ByteStringIndex
{
    const ulong Multiplier = 0x9E3779B97F4A7C15;
    static readonly ulong Seed = ((ulong)HashCode.Combine(1) << 32) | (uint)HashCode.Combine(2);

    readonly byte[] _bytes;
    readonly int[] _offsets;
    readonly int[] _slots; // id + 1; 0 is empty
    readonly int _shift;

    /// <summary>An empty index over <paramref name="bytes"/>, token i at offsets[i]..offsets[i + 1].</summary>
    public ByteStringIndex(byte[] bytes, int[] offsets)
    {
        _bytes = bytes;
        _offsets = offsets;
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(8, offsets.Length * 2));
        _slots = new int[size];
        _shift = 64 - BitOperations.Log2((uint)size);
    }

    /// <summary>Adds a token; the id that has the same bytes already, or −1 when it is new.</summary>
    public int Add(int id)
    {
        ReadOnlySpan<byte> key = Bytes(id);
        for (int slot = FirstSlot(key); ; slot = (slot + 1) & (_slots.Length - 1))
        {
            if (_slots[slot] == 0)
            {
                _slots[slot] = id + 1;
                return -1;
            }

            if (Bytes(_slots[slot] - 1).SequenceEqual(key))
            {
                return _slots[slot] - 1;
            }
        }
    }

    /// <summary>The token with these bytes, or −1.</summary>
    public int Find(ReadOnlySpan<byte> key)
    {
        for (int slot = FirstSlot(key); _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1))
        {
            if (Bytes(_slots[slot] - 1).SequenceEqual(key))
            {
                return _slots[slot] - 1;
            }
        }

        return -1;
    }

    ReadOnlySpan<byte> Bytes(int id) => _bytes.AsSpan(_offsets[id].._offsets[id + 1]);

    int FirstSlot(ReadOnlySpan<byte> key)
    {
        ulong hash = Seed ^ ((ulong)key.Length * Multiplier);
        while (key.Length >= sizeof(ulong))
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(key));
            key = key[sizeof(ulong)..];
        }

        ulong rest = 0;
        foreach (byte value in key)
        {
            rest = (rest << 8) | value;
        }

        return (int)(Mix(hash ^ rest) >> _shift);
    }

    static ulong Mix(ulong value)
    {
        ulong high = Math.BigMul(value, Multiplier, out ulong low);
        return high ^ low;
    }
}
