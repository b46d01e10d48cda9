using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>
/// How eight rows of a block's quads come into 256-bit registers: what <see cref="PanelReader{T}"/> writes to memory, for who uses a quad once only. Written out, because the
/// compiler inlines only so much into one loop.
/// </summary>
unsafe interface IPanelBits
{
    /// <summary>Quads 0 … 3, or with <paramref name="upper"/> 4 … 7: bytes with their offset. lines: the block's lines, from the first of the eight rows on.</summary>
    static abstract void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d);
}

/// <summary><see cref="CodeBits.Eight"/>.</summary>
readonly unsafe struct EightBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d)
    {
        byte* first = lines + (upper ? 256 : 0);
        a = Vector256.Load(first);
        b = Vector256.Load(first + 64);
        c = Vector256.Load(first + 128);
        d = Vector256.Load(first + 192);
    }
}

/// <summary><see cref="CodeBits.Four"/>.</summary>
readonly unsafe struct FourBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d)
    {
        Vector256<byte> nibbles = Vector256.Create((byte)0x0F);
        a = Avx2.And(Nibbles(lines, upper), nibbles);
        b = Avx2.And(Nibbles(lines + 64, upper), nibbles);
        c = Avx2.And(Nibbles(lines + 128, upper), nibbles);
        d = Avx2.And(Nibbles(lines + 192, upper), nibbles);
    }

    /// <summary>A line with the lower or upper nibbles of its bytes below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<byte> Nibbles(byte* line, bool upper)
    {
        Vector256<ushort> both = Vector256.Load((ushort*)line);
        return (upper ? Avx2.ShiftRightLogical(both, 4) : both).AsByte();
    }
}

/// <summary><see cref="CodeBits.FourByTable"/>.</summary>
readonly unsafe struct FourBitsByTable : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d)
    {
        FourBits.Half(lines, upper, table, out a, out b, out c, out d);
        a = Avx2.Shuffle(table, a);
        b = Avx2.Shuffle(table, b);
        c = Avx2.Shuffle(table, c);
        d = Avx2.Shuffle(table, d);
    }
}

/// <summary><see cref="CodeBits.Five"/>.</summary>
readonly unsafe struct FiveBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d)
    {
        FourBits.Half(lines + 64, upper, table, out a, out b, out c, out d);
        Vector256<byte> bit = Vector256.Create((byte)0x10);

        // Bits 0 … 3 of this line, or 4 … 7, go to bit 4.
        Vector256<ushort> fifth = Avx2.ShiftLeftLogical(FourBits.Nibbles(lines, upper).AsUInt16(), 4);
        a = Avx2.Or(a, Avx2.And(fifth.AsByte(), bit));
        b = Avx2.Or(b, Avx2.And(Avx2.ShiftRightLogical(fifth, 1).AsByte(), bit));
        c = Avx2.Or(c, Avx2.And(Avx2.ShiftRightLogical(fifth, 2).AsByte(), bit));
        d = Avx2.Or(d, Avx2.And(Avx2.ShiftRightLogical(fifth, 3).AsByte(), bit));
    }
}

/// <summary><see cref="CodeBits.Six"/>.</summary>
readonly unsafe struct SixBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d)
    {
        FourBits.Half(lines + 128, upper, table, out a, out b, out c, out d);
        Vector256<byte> bits = Vector256.Create((byte)0x30);
        Vector256<ushort> all = Vector256.Load((ushort*)(lines + (upper ? 64 : 0)));
        a = Avx2.Or(a, Avx2.And(Avx2.ShiftLeftLogical(all, 4).AsByte(), bits));
        b = Avx2.Or(b, Avx2.And(Avx2.ShiftLeftLogical(all, 2).AsByte(), bits));
        c = Avx2.Or(c, Avx2.And(all.AsByte(), bits));
        d = Avx2.Or(d, Avx2.And(Avx2.ShiftRightLogical(all, 2).AsByte(), bits));
    }
}

/// <summary><see cref="CodeBits.Two"/>.</summary>
readonly unsafe struct TwoBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d)
    {
        Vector256<byte> bits = Vector256.Create((byte)0x03);
        Vector256<ushort> all = Vector256.Load((ushort*)(lines + (upper ? 64 : 0)));
        a = Avx2.And(all.AsByte(), bits);
        b = Avx2.And(Avx2.ShiftRightLogical(all, 2).AsByte(), bits);
        c = Avx2.And(Avx2.ShiftRightLogical(all, 4).AsByte(), bits);
        d = Avx2.And(Avx2.ShiftRightLogical(all, 6).AsByte(), bits);
    }
}

/// <summary><see cref="CodeBits.Three"/>.</summary>
readonly unsafe struct ThreeBits : IPanelBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Half(byte* lines, bool upper, Vector256<byte> table, out Vector256<byte> a, out Vector256<byte> b, out Vector256<byte> c, out Vector256<byte> d)
    {
        TwoBits.Half(lines + 64, upper, table, out a, out b, out c, out d);
        Vector256<byte> bit = Vector256.Create((byte)0x04);
        Vector256<ushort> third = Avx2.ShiftLeftLogical(FourBits.Nibbles(lines, upper).AsUInt16(), 2);
        a = Avx2.Or(a, Avx2.And(third.AsByte(), bit));
        b = Avx2.Or(b, Avx2.And(Avx2.ShiftRightLogical(third, 1).AsByte(), bit));
        c = Avx2.Or(c, Avx2.And(Avx2.ShiftRightLogical(third, 2).AsByte(), bit));
        d = Avx2.Or(d, Avx2.And(Avx2.ShiftRightLogical(third, 3).AsByte(), bit));
    }
}
