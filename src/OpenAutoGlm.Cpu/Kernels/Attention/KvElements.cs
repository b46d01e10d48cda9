using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>How the elements of a group are read in pairs: two elements of a head for keys, two tokens for values.</summary>
unsafe interface IKvElements<T>
    where T : struct, ILanes<T>
{
    /// <summary>Whether queries and weights are rounded to BF16 too, and the second of a pair is added first.</summary>
    static abstract bool AreBFloat16 { get; }

    /// <summary>Whether pairs are added in the order of the matrix unit instead, 32 elements or sixteen tokens at a time.</summary>
    static virtual bool AreInTiles => false;

    /// <summary>Elements 2 · pair and 2 · pair + 1 of the head, of sixteen tokens each.</summary>
    static abstract void Keys(byte* group, int pair, out T even, out T odd);

    /// <summary>Tokens 2 · pair and 2 · pair + 1, <paramref name="count"/> elements of the head from <paramref name="start"/> on.</summary>
    static abstract void Values(byte* group, int headDim, int pair, int start, int count, out T even, out T odd);
}

/// <summary>Float32: keys [headDim][16], values [16][headDim].</summary>
unsafe struct FloatElements<T> : IKvElements<T>
    where T : struct, ILanes<T>
{
    public static bool AreBFloat16 => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Keys(byte* group, int pair, out T even, out T odd)
    {
        float* rows = (float*)group + (pair * 2 * ILanes<T>.Count);
        even = T.Load(rows);
        odd = T.Load(rows + ILanes<T>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Values(byte* group, int headDim, int pair, int start, int count, out T even, out T odd)
    {
        float* rows = (float*)group + (pair * 2 * headDim) + start;
        bool whole = count == ILanes<T>.Count;
        even = whole ? T.Load(rows) : T.LoadFirst(rows, count);
        odd = whole ? T.Load(rows + headDim) : T.LoadFirst(rows + headDim, count);
    }
}

/// <summary>BF16: keys [headDim/2][16][2], values [8][headDim][2]. A lane holds a pair, the even one in its lower half.</summary>
unsafe struct BFloat16Elements<T> : IKvElements<T>
    where T : struct, ILanes<T>
{
    public static bool AreBFloat16 => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Keys(byte* group, int pair, out T even, out T odd) =>
        Split(T.Load((float*)group + (pair * ILanes<T>.Count)), out even, out odd);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Values(byte* group, int headDim, int pair, int start, int count, out T even, out T odd)
    {
        float* row = (float*)group + (pair * headDim) + start;
        Split(count == ILanes<T>.Count ? T.Load(row) : T.LoadFirst(row, count), out even, out odd);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Split(T pairs, out T even, out T odd)
    {
        even = T.ShiftLeftInts(pairs, 16);
        odd = T.And(pairs, T.BroadcastInt(unchecked((int)0xFFFF0000)));
    }
}

/// <summary>BF16 in the order of the matrix unit.</summary>
unsafe struct TiledElements<T> : IKvElements<T>
    where T : struct, ILanes<T>
{
    public static bool AreBFloat16 => true;

    public static bool AreInTiles => true;

    public static void Keys(byte* group, int pair, out T even, out T odd) => BFloat16Elements<T>.Keys(group, pair, out even, out odd);

    public static void Values(byte* group, int headDim, int pair, int start, int count, out T even, out T odd) =>
        BFloat16Elements<T>.Values(group, headDim, pair, start, count, out even, out odd);
}
