using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;

/// <summary>Q8_0: d, then 32 signed bytes.</summary>
readonly unsafe struct Q8_0Layout : IWeightLayout
{
    public static int BlockElements => 32;

    public static int BlockBytes => 34;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int Offset => 0;

    public static int GreatestByte => 255;

    public static void Open<T>(PanelStrip strip, int elements)
        where T : struct, ILanes<T> => Headers.Halves<T, Q8_0Layout>(strip.Rows, 0, elements / 32, strip.Halves, strip.Scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CodeQuads<T> Quads<T>(byte* a, byte* b, byte* c, byte* d, int part)
        where T : struct, ILanes<T>
    {
        int at = (BlockBytes * part) + 2;
        return new(T.LoadQuads(a + at, b + at, c + at, d + at), T.LoadQuads(a + at + 16, b + at + 16, c + at + 16, d + at + 16));
    }
}
