using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>What the compiler must know of a format to write a good loop.</summary>
interface IProductShape
{
    /// <summary>Groups in a block of 32: 1 or 2.</summary>
    static abstract int Groups { get; }

    static abstract bool HasMinimum { get; }

    /// <summary>
    /// Products of bytes are added up in int16: how many pairs fit, or 0 where not even two do, and codes and
    /// activations are widened to int16 instead.
    /// </summary>
    static abstract int PairsInShort { get; }
}

/// <summary>
/// The product of int8 activations and a quantised weight with intrinsics, bit for bit as <see cref="ActivationBlocks.Dot"/>
/// defines it: an exact int32 dot product for each group, added up in float32 in rising k with fused multiply-adds.
/// Lanes are weight rows, so that order needs no care. A strip of a panel is taken apart into the first cache, and
/// rows of x meet it four at a time.
/// </summary>
sealed unsafe class QuantizedProduct<T, TShape> : PanelProduct
    where T : struct, ILanes<T>
    where TShape : struct, IProductShape
{
    const int StripElements = PanelFormat.MostStripElements;

    const int LaneBytes = 64;
    const int MostGroups = StripElements / 16;
    const int ScalesAt = StripElements / 4 * LaneBytes;
    const int MinimumsAt = ScalesAt + (MostGroups * LaneBytes);
    const int SumsAt = MinimumsAt + (MostGroups * LaneBytes);

    readonly PanelFormat _format;
    readonly int _offset;
    readonly RoundedActivations<T> _activations;

    internal QuantizedProduct(TensorFormat format, int k)
        : base(k, PanelFormat.Of(format))
    {
        _format = PanelFormat.Of(format);
        _offset = UseBytes ? _format.Offset : 0;
        _activations = new RoundedActivations<T>(k, Wide: !UseBytes);
    }

    internal override string Name => $"{_format.Format} {(UseBytes ? "int8" : "int16")}";

    internal override Activations Activations => _activations;

    internal override long WorkerBytes => SumsAt + (MostRows * LaneBytes);

    static bool UseBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => T.HasByteProducts && TShape.PairsInShort > 0;
    }

    static int BlockBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => UseBytes ? 64 : 96;
    }

    static int Widening
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => UseBytes ? 0 : 32;
    }

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        for (int i = 0; i < panels; i++)
        {
            Panel(weights, panel + i, rows, y + (i * PanelRows), yStride, activations, scratch);
        }
    }

    void Panel(in PackedWeights weights, int panel, RowList rows, float* y, long yStride, byte* activations, byte* strip)
    {
        float* sums = (float*)(strip + SumsAt);
        new Span<float>(sums, rows.Count * PanelRows).Clear();
        for (int start = 0; start < K; start += StripElements)
        {
            int blocks = Math.Min(StripElements, K - start) / 32;
            byte* unit = weights.At(panel, start);
            for (int block = 0; block < blocks; block += _format.UnitBlocks, unit += _format.UnitBytes)
            {
                PanelReader<T>.Read(
                    _format,
                    unit,
                    signed: !UseBytes,
                    strip + (block * 8 * LaneBytes),
                    (float*)(strip + ScalesAt + (block * TShape.Groups * LaneBytes)),
                    (float*)(strip + MinimumsAt + (block * TShape.Groups * LaneBytes)));
            }

            byte* lines = activations + (start / 32 * BlockBytes);
            int i = 0;
            for (; i <= rows.Count - 4; i += 4)
            {
                Four(strip, blocks, Row(lines, rows, i), Row(lines, rows, i + 1), Row(lines, rows, i + 2), Row(lines, rows, i + 3), sums + (i * PanelRows));
            }

            for (; i < rows.Count; i++)
            {
                One(strip, blocks, Row(lines, rows, i), sums + (i * PanelRows));
            }
        }

        int columns = weights.RowsOf(panel);
        for (int i = 0; i < rows.Count; i++)
        {
            T.StoreFirst(T.Load(sums + (i * PanelRows)), y + (rows.YOf(i) * yStride), columns);
        }
    }

    byte* Row(byte* lines, RowList rows, int i) => lines + (rows.XOf(i) * _activations.RowBytes);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Four(byte* strip, int blocks, byte* x0, byte* x1, byte* x2, byte* x3, float* sums)
    {
        T sum0 = T.Load(sums);
        T sum1 = T.Load(sums + 16);
        T sum2 = T.Load(sums + 32);
        T sum3 = T.Load(sums + 48);
        byte* weights = strip;
        int groups = blocks * TShape.Groups;
        for (int group = 0; group < groups; group++)
        {
            long block = (TShape.Groups == 1 ? group : group >> 1) * BlockBytes;
            int half = TShape.Groups == 1 ? 0 : group & 1;
            T dot0 = Start(x0 + block, half);
            T dot1 = Start(x1 + block, half);
            T dot2 = Start(x2 + block, half);
            T dot3 = Start(x3 + block, half);
            if (UseBytes)
            {
                long at = block + (16 * half);
                long end = at + (32 / TShape.Groups);
                while (at < end)
                {
                    T weight = T.Load(weights);
                    T pair0 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x0 + at)));
                    T pair1 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x1 + at)));
                    T pair2 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x2 + at)));
                    T pair3 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x3 + at)));
                    long pairsEnd = Math.Min(end, at + (4 * TShape.PairsInShort));
                    for (at += 4, weights += 64; at < pairsEnd; at += 4, weights += 64)
                    {
                        weight = T.Load(weights);
                        pair0 = T.AddShorts(pair0, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x0 + at))));
                        pair1 = T.AddShorts(pair1, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x1 + at))));
                        pair2 = T.AddShorts(pair2, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x2 + at))));
                        pair3 = T.AddShorts(pair3, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x3 + at))));
                    }

                    T ones = T.BroadcastInt(0x0001_0001);
                    dot0 = T.AddInts(dot0, T.MultiplyShorts(pair0, ones));
                    dot1 = T.AddInts(dot1, T.MultiplyShorts(pair1, ones));
                    dot2 = T.AddInts(dot2, T.MultiplyShorts(pair2, ones));
                    dot3 = T.AddInts(dot3, T.MultiplyShorts(pair3, ones));
                }
            }
            else
            {
                // In every 16 elements the even ones come first, then the odd ones.
                long end = block + (32 * half) + (64 / TShape.Groups);
                for (long at = block + (32 * half); at < end; at += 16)
                {
                    for (int chunk = 0; chunk < 4; chunk++, at += 4, weights += 64)
                    {
                        T weight = T.Load(weights);
                        T even = T.EvenBytes(weight);
                        T odd = T.OddBytes(weight);
                        dot0 = T.AddInts(dot0, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(x0 + at))));
                        dot1 = T.AddInts(dot1, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(x1 + at))));
                        dot2 = T.AddInts(dot2, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(x2 + at))));
                        dot3 = T.AddInts(dot3, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(x3 + at))));
                        dot0 = T.AddInts(dot0, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(x0 + at + 16))));
                        dot1 = T.AddInts(dot1, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(x1 + at + 16))));
                        dot2 = T.AddInts(dot2, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(x2 + at + 16))));
                        dot3 = T.AddInts(dot3, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(x3 + at + 16))));
                    }
                }
            }

            T scale = T.Load((float*)(strip + ScalesAt) + (16 * group));
            sum0 = T.MultiplyAdd(T.ToFloats(dot0), scale * Scale(x0 + block), sum0);
            sum1 = T.MultiplyAdd(T.ToFloats(dot1), scale * Scale(x1 + block), sum1);
            sum2 = T.MultiplyAdd(T.ToFloats(dot2), scale * Scale(x2 + block), sum2);
            sum3 = T.MultiplyAdd(T.ToFloats(dot3), scale * Scale(x3 + block), sum3);
            if (TShape.HasMinimum)
            {
                T minimum = T.Load((float*)(strip + MinimumsAt) + (16 * group));
                sum0 = T.MultiplyAdd(minimum, ScaledSum(x0 + block, half), sum0);
                sum1 = T.MultiplyAdd(minimum, ScaledSum(x1 + block, half), sum1);
                sum2 = T.MultiplyAdd(minimum, ScaledSum(x2 + block, half), sum2);
                sum3 = T.MultiplyAdd(minimum, ScaledSum(x3 + block, half), sum3);
            }
        }

        T.Store(sum0, sums);
        T.Store(sum1, sums + 16);
        T.Store(sum2, sums + 32);
        T.Store(sum3, sums + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void One(byte* strip, int blocks, byte* x, float* sums)
    {
        T sum = T.Load(sums);
        byte* weights = strip;
        int groups = blocks * TShape.Groups;
        for (int group = 0; group < groups; group++)
        {
            byte* block = x + ((TShape.Groups == 1 ? group : group >> 1) * BlockBytes);
            int half = TShape.Groups == 1 ? 0 : group & 1;
            T dot = Start(block, half);
            if (UseBytes)
            {
                byte* codes = block + (16 * half);
                for (int chunk = 0; chunk < 8 / TShape.Groups; chunk += 2, weights += 128, codes += 8)
                {
                    T pairs = T.MultiplyBytes(T.Load(weights), T.BroadcastInt(*(int*)codes));
                    pairs = T.AddShorts(pairs, T.MultiplyBytes(T.Load(weights + 64), T.BroadcastInt(*(int*)(codes + 4))));
                    dot = T.AddInts(dot, T.MultiplyShorts(pairs, T.BroadcastInt(0x0001_0001)));
                }
            }
            else
            {
                int* codes = (int*)(block + (32 * half));
                for (int part = 0; part < 2 / TShape.Groups; part++, codes += 8)
                {
                    for (int chunk = 0; chunk < 4; chunk++, weights += 64)
                    {
                        T weight = T.Load(weights);
                        dot = T.AddInts(dot, T.MultiplyShorts(T.EvenBytes(weight), T.BroadcastInt(codes[chunk])));
                        dot = T.AddInts(dot, T.MultiplyShorts(T.OddBytes(weight), T.BroadcastInt(codes[chunk + 4])));
                    }
                }
            }

            sum = T.MultiplyAdd(T.ToFloats(dot), T.Load((float*)(strip + ScalesAt) + (16 * group)) * Scale(block), sum);
            if (TShape.HasMinimum)
            {
                sum = T.MultiplyAdd(T.Load((float*)(strip + MinimumsAt) + (16 * group)), ScaledSum(block, half), sum);
            }
        }

        T.Store(sum, sums);
    }

    /// <summary>What a dot of bytes that are Offset too large must begin with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    T Start(byte* block, int half)
    {
        if (!UseBytes)
        {
            return T.Zero;
        }

        int at = TShape.Groups == 1 ? RoundedActivations<T>.NegatedSumAt : RoundedActivations<T>.NegatedHalfSumsAt + (4 * half);
        return T.BroadcastInt(_offset * *(int*)(block + at) / RoundedActivations<T>.NegatedSumFactor);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Scale(byte* block) => T.Broadcast(*(float*)(block + RoundedActivations<T>.ScaleAt + Widening));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T ScaledSum(byte* block, int half)
    {
        int at = TShape.Groups == 1 ? RoundedActivations<T>.ScaledSumAt : RoundedActivations<T>.ScaledHalfSumsAt + (4 * half);
        return T.Broadcast(*(float*)(block + at + Widening));
    }
}

/// <summary>Groups of 32, bytes up to 15: 8 pairs of at most 2 · 15 · 127 fit int16.</summary>
readonly struct Shape32x15 : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => false;

    public static int PairsInShort => 8;
}

/// <summary>The same with minimums.</summary>
readonly struct Shape32x15Min : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => true;

    public static int PairsInShort => 8;
}

/// <summary>Groups of 32, bytes up to 31.</summary>
readonly struct Shape32x31 : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => false;

    public static int PairsInShort => 4;
}

/// <summary>The same with minimums.</summary>
readonly struct Shape32x31Min : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => true;

    public static int PairsInShort => 4;
}

/// <summary>Groups of 32, any byte.</summary>
readonly struct Shape32x255 : IProductShape
{
    public static int Groups => 1;

    public static bool HasMinimum => false;

    public static int PairsInShort => 0;
}

/// <summary>Groups of 16, bytes up to 63.</summary>
readonly struct Shape16x63 : IProductShape
{
    public static int Groups => 2;

    public static bool HasMinimum => false;

    public static int PairsInShort => 2;
}

/// <summary>Groups of 16, bytes up to 15, with minimums.</summary>
readonly struct Shape16x15Min : IProductShape
{
    public static int Groups => 2;

    public static bool HasMinimum => true;

    public static int PairsInShort => 8;
}
