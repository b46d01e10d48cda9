using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Panels;

/// <summary>How the lines of a block become quads of bytes, for each <see cref="CodeBits"/>.</summary>
unsafe interface IPanelCodes<T>
    where T : struct, ILanes<T>
{
    /// <summary>Quads i and i + 4 of a block, with the offset that they have in the panel.</summary>
    /// <param name="lines">The block's lines.</param>
    /// <param name="quad">0 … 3; constant where it is called, so that shifts are.</param>
    /// <param name="table">See <see cref="PanelReader{T}.Table"/>; others than <see cref="FourCodesByTable{T}"/> do not look at it.</param>
    /// <param name="lower">Quad i.</param>
    /// <param name="upper">Quad i + 4.</param>
    static abstract void Pair(byte* lines, int quad, T table, out T lower, out T upper);
}

readonly unsafe struct EightCodes<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        lower = T.Load(lines + (quad * PanelFormat.LineBytes));
        upper = T.Load(lines + ((quad + 4) * PanelFormat.LineBytes));
    }
}

/// <summary>Without the offset, which is 128.</summary>
readonly unsafe struct EightSignedCodes<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    /// <summary>128 in each byte; adding it takes it away as well.</summary>
    internal const int Offset = unchecked((int)0x8080_8080);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        EightCodes<T>.Pair(lines, quad, table, out lower, out upper);
        lower = T.AddBytes(lower, T.BroadcastInt(Offset));
        upper = T.AddBytes(upper, T.BroadcastInt(Offset));
    }
}

readonly unsafe struct FourCodes<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        T both = T.Load(lines + (quad * PanelFormat.LineBytes));
        T mask = T.BroadcastInt(0x0F0F_0F0F);
        lower = T.And(both, mask);
        upper = T.And(T.ShiftRightShorts(both, 4), mask);
    }
}

readonly unsafe struct FourCodesByTable<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        FourCodes<T>.Pair(lines, quad, table, out lower, out upper);
        lower = T.LookUp(table, lower);
        upper = T.LookUp(table, upper);
    }
}

readonly unsafe struct FiveCodes<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        T bits = T.Load(lines);
        FourCodes<T>.Pair(lines + PanelFormat.LineBytes, quad, table, out lower, out upper);
        lower = UpperBits<T>.Or(lower, bits, quad - 4, 0x1010_1010);
        upper = UpperBits<T>.Or(upper, bits, quad, 0x1010_1010);
    }
}

readonly unsafe struct SixCodes<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        FourCodes<T>.Pair(lines + (2 * PanelFormat.LineBytes), quad, table, out lower, out upper);
        lower = UpperBits<T>.Or(lower, T.Load(lines), (2 * quad) - 4, 0x3030_3030);
        upper = UpperBits<T>.Or(upper, T.Load(lines + PanelFormat.LineBytes), (2 * quad) - 4, 0x3030_3030);
    }
}

readonly unsafe struct TwoCodes<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        T mask = T.BroadcastInt(0x0303_0303);
        lower = T.And(UpperBits<T>.Shifted(T.Load(lines), 2 * quad), mask);
        upper = T.And(UpperBits<T>.Shifted(T.Load(lines + PanelFormat.LineBytes), 2 * quad), mask);
    }
}

readonly unsafe struct ThreeCodes<T> : IPanelCodes<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pair(byte* lines, int quad, T table, out T lower, out T upper)
    {
        T bits = T.Load(lines);
        TwoCodes<T>.Pair(lines + PanelFormat.LineBytes, quad, table, out lower, out upper);
        lower = UpperBits<T>.Or(lower, bits, quad - 2, 0x0404_0404);
        upper = UpperBits<T>.Or(upper, bits, quad + 2, 0x0404_0404);
    }
}

/// <summary>Bits that a line holds for several quads.</summary>
static class UpperBits<T>
    where T : struct, ILanes<T>
{
    /// <summary>Codes and, above them, those of a line's bits that <paramref name="wanted"/> names once the line is shifted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Or(T codes, T line, int right, int wanted) => T.Or(codes, T.And(Shifted(line, right), T.BroadcastInt(wanted)));

    /// <summary>Shifted right, or left where the count is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Shifted(T line, int right) => right > 0 ? T.ShiftRightShorts(line, right) : right < 0 ? T.ShiftLeftShorts(line, -right) : line;
}
