using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;

/// <summary>
/// Q6_K: in each half of 128 elements four runs of 32: bits 0 … 3 in the lower (runs 0, 1) or upper (2, 3) nibbles of 64
/// bytes, bits 4 and 5 in bits 2r and 2r + 1 of 32 bytes. Sixteen signed scales at 192, d at 208.
/// </summary>
readonly unsafe struct Q6_KLayout : IWeightLayout
{
    public static int BlockElements => 256;

    public static int BlockBytes => 210;

    public static int GroupElements => 16;

    public static bool HasMinimum => false;

    public static int Offset => -32;

    public static int GreatestByte => 63;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T>
    {
        int blocks = elements / BlockElements;
        Headers.Halves<T, Q6_KLayout>(strip.Rows, 208, blocks, strip.Halves, strip.Minimums);
        float* scales = strip.Scales;
        for (int block = 0; block < blocks; block++, scales += 256)
        {
            T d = T.Load(strip.Minimums + (16 * block));
            (T a, T b, T c, T e) = Headers.Quads<T>(strip.Rows, (block * BlockBytes) + 192);
            for (int group = 0; group < 4; group++)
            {
                int shift = 24 - (8 * group);
                T.Store(d * T.ToFloats(T.ShiftRightInts(T.ShiftLeftInts(a, shift), 24)), scales + (16 * group));
                T.Store(d * T.ToFloats(T.ShiftRightInts(T.ShiftLeftInts(b, shift), 24)), scales + (16 * (group + 4)));
                T.Store(d * T.ToFloats(T.ShiftRightInts(T.ShiftLeftInts(c, shift), 24)), scales + (16 * (group + 8)));
                T.Store(d * T.ToFloats(T.ShiftRightInts(T.ShiftLeftInts(e, shift), 24)), scales + (16 * (group + 12)));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T>
    {
        int run = part & 7;
        int half = run >> 2;
        int block = (part >> 3) * BlockBytes;
        int lowAt = block + (64 * half) + (32 * (run & 1));
        int highAt = block + 128 + (32 * half);
        int lowShift = (run & 2) * 2;
        int highShift = (run & 3) * 2;
        return new(
            Join<T>(a, b, c, d, lowAt, highAt, lowShift, highShift),
            Join<T>(a, b, c, d, lowAt + 16, highAt + 16, lowShift, highShift));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Join<T>(byte* a, byte* b, byte* c, byte* d, int lowAt, int highAt, int lowShift, int highShift)
        where T : struct, ILanes<T>
    {
        T low = T.LoadQuads(a + lowAt, b + lowAt, c + lowAt, d + lowAt);
        T high = T.LoadQuads(a + highAt, b + highAt, c + highAt, d + highAt);
        low = T.And(T.ShiftRightShorts(low, lowShift), T.BroadcastInt(0x0F0F_0F0F));
        high = T.And(T.ShiftRightShorts(high, highShift), T.BroadcastInt(0x0303_0303));
        return T.Or(low, T.ShiftLeftShorts(high, 4));
    }
}
