using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;

/// <summary>Sixteen bytes of nibbles: elements 0 … 15 of 32 in the lower ones, 16 … 31 in the upper.</summary>
static unsafe class Nibbles
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static CodeQuads<T> Split<T>(byte* a, byte* b, byte* c, byte* d, int at)
        where T : struct, ILanes<T>
    {
        T both = T.LoadQuads(a + at, b + at, c + at, d + at);
        T mask = T.BroadcastInt(0x0F0F_0F0F);
        return new(T.And(both, mask), T.And(T.ShiftRightShorts(both, 4), mask));
    }

    /// <summary>The same, each nibble an index into 16 levels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static CodeQuads<T> Look<T>(byte* a, byte* b, byte* c, byte* d, int at, ReadOnlySpan<sbyte> levels)
        where T : struct, ILanes<T>
    {
        CodeQuads<T> indices = Split<T>(a, b, c, d, at);
        T table = T.LoadSameQuad(Unsafe.AsPointer(ref Unsafe.AsRef(in levels[0])));
        return new(T.LookUp(table, indices.Lower), T.LookUp(table, indices.Upper));
    }
}

/// <summary>Q4_0: d, then 16 bytes of nibbles.</summary>
readonly unsafe struct Q4_0Layout : IWeightLayout
{
    public static int BlockElements => 32;

    public static int BlockBytes => 18;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int Offset => -8;

    public static int GreatestByte => 15;

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T> => Headers.Halves<T, Q4_0Layout>(strip.Rows, 0, elements / 32, strip.Halves, strip.Scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T> => Nibbles.Split<T>(a, b, c, d, (BlockBytes * part) + 2);
}

/// <summary>Q4_1: d, m, then 16 bytes of nibbles.</summary>
readonly unsafe struct Q4_1Layout : IWeightLayout
{
    public static int BlockElements => 32;

    public static int BlockBytes => 20;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int Offset => 0;

    public static int GreatestByte => 15;

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T>
    {
        Headers.Halves<T, Q4_1Layout>(strip.Rows, 0, elements / 32, strip.Halves, strip.Scales);
        Headers.Halves<T, Q4_1Layout>(strip.Rows, 2, elements / 32, strip.Halves, strip.Minimums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T> => Nibbles.Split<T>(a, b, c, d, (BlockBytes * part) + 4);
}

/// <summary>IQ4_NL: d, then 16 bytes of nibbles that stand for levels.</summary>
readonly unsafe struct IQ4_NLLayout : IWeightLayout
{
    public static int BlockElements => 32;

    public static int BlockBytes => 18;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int Offset => 0;

    public static int GreatestByte => 255;

    /// <summary>Source: ggml, ggml-common.h, kvalues_iq4nl.</summary>
    static ReadOnlySpan<sbyte> Levels => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T> => Headers.Halves<T, IQ4_NLLayout>(strip.Rows, 0, elements / 32, strip.Halves, strip.Scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T> => Nibbles.Look<T>(a, b, c, d, (BlockBytes * part) + 2, Levels);
}

/// <summary>Q4_K: d, dmin, 12 bytes of scales, then 32 bytes for each pair of groups, the even one in the lower nibbles.</summary>
readonly unsafe struct Q4_KLayout : IWeightLayout
{
    public static int BlockElements => 256;

    public static int BlockBytes => 144;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int Offset => 0;

    public static int GreatestByte => 15;

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T> => Headers.SixBits<T>(strip.Rows, BlockBytes, elements / BlockElements, strip.Scales, strip.Minimums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T>
    {
        int at = ((part >> 3) * BlockBytes) + 16 + (((part & 7) >> 1) * 32);
        int shift = (part & 1) * 4;
        T mask = T.BroadcastInt(0x0F0F_0F0F);
        return new(
            T.And(T.ShiftRightShorts(T.LoadQuads(a + at, b + at, c + at, d + at), shift), mask),
            T.And(T.ShiftRightShorts(T.LoadQuads(a + at + 16, b + at + 16, c + at + 16, d + at + 16), shift), mask));
    }
}
