using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;

/// <summary>The fifth bits of 32 elements as a mask of 32 bits, element i in bit i, with 16 bytes of nibbles right behind it.</summary>
static unsafe class FifthBits
{
    // Which byte of a mask holds the bit of an element, and which bit it is.
    static ReadOnlySpan<byte> LowerBytes => [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

    static ReadOnlySpan<byte> Bits => [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

    /// <summary>Codes of 5 bits of four rows; the mask lies at <paramref name="at"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static CodeQuads<T> Join<T>(byte* a, byte* b, byte* c, byte* d, int at)
        where T : struct, ILanes<T>
    {
        CodeQuads<T> nibbles = Nibbles.Split<T>(a, b, c, d, at + 4);
        T masks = T.LoadQuads(a + at, b + at, c + at, d + at);
        T lower = T.LoadSameQuad(Address(LowerBytes));
        T upper = T.AddBytes(lower, T.BroadcastInt(0x0202_0202));
        return new(T.Or(nibbles.Lower, Pick(masks, lower)), T.Or(nibbles.Upper, Pick(masks, upper)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Pick<T>(T masks, T which)
        where T : struct, ILanes<T>
    {
        T bits = T.LoadSameQuad(Address(Bits));
        return T.And(T.EqualBytes(T.And(T.LookUp(masks, which), bits), bits), T.BroadcastInt(0x1010_1010));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void* Address(ReadOnlySpan<byte> constant) => Unsafe.AsPointer(ref Unsafe.AsRef(in constant[0]));
}

/// <summary>Q5_0: d, the fifth bits, then 16 bytes of nibbles.</summary>
readonly unsafe struct Q5_0Layout : IWeightLayout
{
    public static int BlockElements => 32;

    public static int BlockBytes => 22;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int Offset => -16;

    public static int GreatestByte => 31;

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T> => Headers.Halves<T, Q5_0Layout>(strip.Rows, 0, elements / 32, strip.Halves, strip.Scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T> => FifthBits.Join<T>(a, b, c, d, (BlockBytes * part) + 2);
}

/// <summary>Q5_1: d, m, the fifth bits, then 16 bytes of nibbles.</summary>
readonly unsafe struct Q5_1Layout : IWeightLayout
{
    public static int BlockElements => 32;

    public static int BlockBytes => 24;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int Offset => 0;

    public static int GreatestByte => 31;

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T>
    {
        Headers.Halves<T, Q5_1Layout>(strip.Rows, 0, elements / 32, strip.Halves, strip.Scales);
        Headers.Halves<T, Q5_1Layout>(strip.Rows, 2, elements / 32, strip.Halves, strip.Minimums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T> => FifthBits.Join<T>(a, b, c, d, (BlockBytes * part) + 4);
}

/// <summary>Q5_K: d, dmin, 12 bytes of scales, 32 bytes with the fifth bit of group g in bit g, then nibbles as in Q4_K.</summary>
readonly unsafe struct Q5_KLayout : IWeightLayout
{
    public static int BlockElements => 256;

    public static int BlockBytes => 176;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int Offset => 0;

    public static int GreatestByte => 31;

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T> => Headers.SixBits<T>(strip.Rows, BlockBytes, elements / BlockElements, strip.Scales, strip.Minimums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T>
    {
        int group = part & 7;
        int block = (part >> 3) * BlockBytes;
        int at = block + 48 + ((group >> 1) * 32);
        return new(
            Join<T>(a, b, c, d, at, block + 16, (group & 1) * 4, group),
            Join<T>(a, b, c, d, at + 16, block + 32, (group & 1) * 4, group));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Join<T>(byte* a, byte* b, byte* c, byte* d, int lowAt, int highAt, int lowShift, int highShift)
        where T : struct, ILanes<T>
    {
        T low = T.ShiftRightShorts(T.LoadQuads(a + lowAt, b + lowAt, c + lowAt, d + lowAt), lowShift);
        T high = T.ShiftRightShorts(T.LoadQuads(a + highAt, b + highAt, c + highAt, d + highAt), highShift);
        high = T.ShiftLeftShorts(T.And(high, T.BroadcastInt(0x0101_0101)), 4);
        return T.Or(T.And(low, T.BroadcastInt(0x0F0F_0F0F)), high);
    }
}
