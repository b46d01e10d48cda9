using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>The ways in which the block formats squeeze small integers into bytes, and back.</summary>
static class Packed
{
    /// <summary>
    /// The levels of IQ4_NL and IQ4_XS: sixteen values that lie closer together near zero, where most weights are.
    /// Source: ggml, ggml-common.h, kvalues_iq4nl.
    /// </summary>
    public static ReadOnlySpan<sbyte> NonLinearLevels =>
        [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Twice the values of E2M1 (0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives). Source: OCP Microscaling Formats 1.0, §5.3.3.</summary>
    public static ReadOnlySpan<sbyte> DoubledE2M1 => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>Sixteen bytes: the lower nibbles are elements 0 … 15, the upper ones 16 … 31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Nibbles(ReadOnlySpan<byte> bytes)
    {
        Vector128<byte> pairs = Vector128.Create(bytes);
        return Vector256.Create(pairs & Vector128.Create((byte)15), Vector128.ShiftRightLogical(pairs, 4));
    }

    /// <summary><paramref name="width"/> bits of every byte, from bit <paramref name="shift"/> up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Bits(Vector256<byte> bytes, int shift, int width) =>
        Vector256.ShiftRightLogical(bytes, shift) & Vector256.Create((byte)((1 << width) - 1));

    /// <summary>Bit i of the integer as 16 in byte i, and 0 where it is clear: the fifth bits of Q5_0 and Q5_1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> FifthBits(uint bits)
    {
        Vector256<byte> spread = Vector256.Create(
            0x0101010101010101u * (bits & 0xFF),
            0x0101010101010101u * ((bits >> 8) & 0xFF),
            0x0101010101010101u * ((bits >> 16) & 0xFF),
            0x0101010101010101u * (bits >> 24)).AsByte();
        Vector256<byte> own = Vector256.Create(0x8040201008040201u).AsByte();
        return Vector256.Equals(spread & own, own) & Vector256.Create((byte)16);
    }

    /// <summary>Sixteen bytes of nibbles, each an index into sixteen levels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Look(ReadOnlySpan<sbyte> levels, ReadOnlySpan<byte> bytes)
    {
        Vector128<sbyte> table = Vector128.Create(levels);
        Vector256<sbyte> indices = Nibbles(bytes).AsSByte();
        return Vector256.Create(
            Vector128.Shuffle(table, indices.GetLower()),
            Vector128.Shuffle(table, indices.GetUpper()));
    }

    /// <summary>By code, as an unsigned byte: the first index of sixteen levels that has it. What <see cref="PackIndices"/> looks in.</summary>
    public static byte[] IndicesOf(ReadOnlySpan<sbyte> levels)
    {
        byte[] indices = new byte[256];
        for (int i = levels.Length - 1; i >= 0; i--)
        {
            indices[(byte)levels[i]] = (byte)i;
        }

        return indices;
    }

    /// <summary>The reverse of <see cref="Look"/>: 32 levels as sixteen bytes of indices.</summary>
    public static void PackIndices(byte[] indicesOf, ReadOnlySpan<sbyte> codes, Span<byte> bytes)
    {
        for (int i = 0; i < 16; i++)
        {
            bytes[i] = (byte)(indicesOf[(byte)codes[i]] | (indicesOf[(byte)codes[i + 16]] << 4));
        }
    }

    /// <summary>The level nearest to a value; the lower one where it is in the middle.</summary>
    public static sbyte NearestLevel(ReadOnlySpan<sbyte> levels, float value)
    {
        int i = 0;
        while (i + 1 < levels.Length && value > (levels[i] + levels[i + 1]) * 0.5f)
        {
            i++;
        }

        return levels[i];
    }

    /// <summary>The reverse of <see cref="Nibbles"/>: the lower four bits of 32 codes + offset.</summary>
    public static void PackNibbles(ReadOnlySpan<sbyte> codes, int offset, Span<byte> bytes)
    {
        for (int i = 0; i < 16; i++)
        {
            bytes[i] = (byte)(((codes[i] + offset) & 15) | ((codes[i + 16] + offset) << 4));
        }
    }

    /// <summary>The reverse of <see cref="FifthBits"/>: bit 4 of 32 codes + offset.</summary>
    public static uint PackFifthBits(ReadOnlySpan<sbyte> codes, int offset)
    {
        uint bits = 0;
        for (int i = 0; i < 32; i++)
        {
            bits |= (uint)((codes[i] + offset) >> 4) << i;
        }

        return bits;
    }
}
