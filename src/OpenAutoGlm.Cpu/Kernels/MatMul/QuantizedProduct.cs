using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// The product of int8 activations and a quantised weight, bit for bit as <see cref="ActivationBlocks.Dot"/> defines it:
/// an exact int32 dot product for each group, added up in float32 in rising k with fused multiply-adds. Lanes are
/// weight rows, so that order needs no care. One row of x takes the codes straight from the registers into which they
/// were unpacked; more rows share a panel of codes laid out so that lanes are rows.
/// </summary>
sealed unsafe class QuantizedProduct<T, TLayout>(TensorFormat format, int k) : PanelProduct
    where T : struct, ILanes<T>
    where TLayout : struct, IWeightLayout
{
    readonly ActivationRows<T> _activations = new(k, TLayout.GroupElements, UseBytes, TLayout.HasMinimum, TLayout.Offset);

    /// <summary>
    /// Whether the codes are multiplied as unsigned bytes. The products of two bytes, each at most GreatestByte · 127,
    /// are added up in int16, so there must be room for one pair at least, and for two so that it pays.
    /// </summary>
    static bool UseBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => T.HasByteProducts && TLayout.GreatestByte <= 63;
    }

    /// <summary>Pairs of products that an int16 holds: 8, 4 or 2.</summary>
    static int PairsInShort
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TLayout.GreatestByte <= 15 ? 8 : TLayout.GreatestByte <= 31 ? 4 : 2;
    }

    /// <summary>From a group to the block of 32 activations in which it lies.</summary>
    static int BlockShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TLayout.GroupElements == 32 ? 0 : 1;
    }

    internal override string Name => $"{format} {(UseBytes ? "int8" : "int16")}";

    internal override long WorkerBytes => PanelStrip.Bytes;

    internal override long SharedBytes(int rows) => rows * _activations.RowBytes;

    internal override void Load(float* x, int rows, byte* shared, WorkerPool pool) => _activations.Quantize(x, rows, shared, pool);

    internal override void Multiply(WeightRows weights, int panel, RowList rows, float* y, byte* shared, byte* scratch)
    {
        PanelStrip strip = new(scratch);
        int firstRow = panel * PanelRows;
        new Span<float>(strip.Sums, rows.Count * PanelRows).Clear();
        for (int start = 0; start < k; start += PanelStrip.Elements)
        {
            int elements = Math.Min(PanelStrip.Elements, k - start);
            for (int row = 0; row < PanelRows; row++)
            {
                strip.Rows[row] = weights[firstRow + row] + (start / TLayout.BlockElements * TLayout.BlockBytes);
            }

            // The same strip of the next panel, a cache line for each line of this one: sixteen short streams a page apart
            // are more than the processor's own prefetching follows.
            long stripBytes = elements / TLayout.BlockElements * TLayout.BlockBytes * (long)PanelRows;
            byte* next = (byte*)weights.Data + ((firstRow + PanelRows) * weights.RowBytes) + (start / TLayout.BlockElements * TLayout.BlockBytes * (long)PanelRows);
            TLayout.Open<T>(strip, elements);
            if (rows.Count == 1)
            {
                One(strip, elements / 32, start, rows.XOf(0), shared, strip.Sums, next, stripBytes / 4);
                continue;
            }

            Interleave(strip, elements / 32, next, stripBytes / 4);
            int i = 0;
            for (; i <= rows.Count - 4; i += 4)
            {
                Four(strip, elements / 32, start, rows.Slice(i, 4), shared, strip.Sums + (i * PanelRows));
            }

            for (; i < rows.Count; i++)
            {
                Single(strip, elements / 32, start, rows.XOf(i), shared, strip.Sums + (i * PanelRows));
            }
        }

        int count = Math.Min(PanelRows, weights.Count - firstRow);
        for (int i = 0; i < rows.Count; i++)
        {
            float* to = y + ((long)rows.YOf(i) * weights.Count) + firstRow;
            T.StoreFirst(T.Load(strip.Sums + (i * PanelRows)), to, count);
        }
    }

    /// <summary>One row of x against the strip, without a panel in memory: four weight rows at a time, then all sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void One(PanelStrip strip, int parts, int start, int row, byte* shared, float* sums, byte* next, long nextBytes)
    {
        byte* codes = _activations.Codes(shared, row) + (UseBytes ? start : 2 * start);
        int groups = parts * 32 / TLayout.GroupElements;
        for (int quad = 0; quad < 4; quad++)
        {
            Prefetch(next + (quad * nextBytes), nextBytes);
            if (UseBytes)
            {
                DotBytes(strip.Rows + quad, parts, codes, strip.Dots + (64 * quad));
            }
            else
            {
                DotShorts(strip.Rows + quad, parts, codes, strip.Dots + (64 * quad));
            }
        }

        float* scales = _activations.Scales(shared, row) + (start / 32);
        float* groupSums = _activations.Sums(shared, row) + (start / TLayout.GroupElements);
        int* starts = _activations.Starts(shared, row) + (start / TLayout.GroupElements);
        float* weightScales = strip.Scales;
        float* minimums = strip.Minimums;
        byte* dots = strip.Dots;
        T sum = T.Load(sums);
        for (int group = 0; group < groups; group++)
        {
            T dot = Columns(T.Load(dots), T.Load(dots + 64), T.Load(dots + 128), T.Load(dots + 192));
            if (UseBytes && TLayout.Offset != 0)
            {
                dot = T.AddInts(dot, T.BroadcastInt(starts[group]));
            }

            sum = Add(dot, weightScales, minimums, T.Broadcast(scales[group >> BlockShift]), groupSums + group, sum);
            dots += 256;
            weightScales += 16;
            minimums += 16;
        }

        T.Store(sum, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void DotBytes(byte** rows, int parts, byte* x, byte* dots)
    {
        byte* a = rows[0];
        byte* b = rows[4];
        byte* c = rows[8];
        byte* d = rows[12];
        T ones = T.BroadcastInt(0x0001_0001);
        for (int part = 0; part < parts; part++, x += 32)
        {
            CodeQuads<T> codes = TLayout.Quads<T>(a, b, c, d, part);
            T lower = T.MultiplyBytes(codes.Lower, T.LoadSameQuad(x));
            T upper = T.MultiplyBytes(codes.Upper, T.LoadSameQuad(x + 16));
            if (TLayout.GroupElements == 32)
            {
                T.Store(T.MultiplyShorts(T.AddShorts(lower, upper), ones), dots);
                dots += 256;
            }
            else
            {
                T.Store(T.MultiplyShorts(lower, ones), dots);
                T.Store(T.MultiplyShorts(upper, ones), dots + 256);
                dots += 512;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void DotShorts(byte** rows, int parts, byte* x, byte* dots)
    {
        byte* a = rows[0];
        byte* b = rows[4];
        byte* c = rows[8];
        byte* d = rows[12];
        for (int part = 0; part < parts; part++, x += 64)
        {
            CodeQuads<T> codes = Signed(TLayout.Quads<T>(a, b, c, d, part));
            T lower = T.MultiplyShorts(T.EvenBytes(codes.Lower), T.LoadSameQuad(x));
            lower = T.AddInts(lower, T.MultiplyShorts(T.OddBytes(codes.Lower), T.LoadSameQuad(x + 16)));
            T upper = T.MultiplyShorts(T.EvenBytes(codes.Upper), T.LoadSameQuad(x + 32));
            upper = T.AddInts(upper, T.MultiplyShorts(T.OddBytes(codes.Upper), T.LoadSameQuad(x + 48)));
            if (TLayout.GroupElements == 32)
            {
                T.Store(T.AddInts(lower, upper), dots);
                dots += 256;
            }
            else
            {
                T.Store(lower, dots);
                T.Store(upper, dots + 256);
                dots += 512;
            }
        }
    }

    /// <summary>The codes of the strip so that a register holds four elements of each of the 16 rows, row r in lane r.</summary>
    static void Interleave(PanelStrip strip, int parts, byte* next, long nextBytes)
    {
        for (int quad = 0; quad < 4; quad++)
        {
            Prefetch(next + (quad * nextBytes), nextBytes);
            Spread(strip.Rows + quad, parts, strip.Codes + (64 * quad));
        }

        Transpose(strip.Codes, 2 * parts);
    }

    /// <summary>The codes of four rows in quads, those of the next four behind them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Spread(byte** rows, int parts, byte* to)
    {
        byte* a = rows[0];
        byte* b = rows[4];
        byte* c = rows[8];
        byte* d = rows[12];
        for (int part = 0; part < parts; part++, to += 512)
        {
            CodeQuads<T> codes = TLayout.Quads<T>(a, b, c, d, part);
            codes = UseBytes ? codes : Signed(codes);
            T.Store(codes.Lower, to);
            T.Store(codes.Upper, to + 256);
        }
    }

    /// <summary>Transposes each quad of every four registers in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transpose(byte* codes, int fours)
    {
        for (int i = 0; i < fours; i++, codes += 256)
        {
            T a = T.Load(codes);
            T b = T.Load(codes + 64);
            T c = T.Load(codes + 128);
            T d = T.Load(codes + 192);
            T abLow = T.InterleaveLowInts(a, b);
            T abHigh = T.InterleaveHighInts(a, b);
            T cdLow = T.InterleaveLowInts(c, d);
            T cdHigh = T.InterleaveHighInts(c, d);
            T.Store(T.InterleaveLowPairs(abLow, cdLow), codes);
            T.Store(T.InterleaveHighPairs(abLow, cdLow), codes + 64);
            T.Store(T.InterleaveLowPairs(abHigh, cdHigh), codes + 128);
            T.Store(T.InterleaveHighPairs(abHigh, cdHigh), codes + 192);
        }
    }

    /// <summary>Four rows of x against the panel in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Four(PanelStrip strip, int parts, int start, RowList rows, byte* shared, float* sums)
    {
        // All rows have the same layout, so one distance leads from codes to scales in each of them.
        int codeStart = UseBytes ? start : 2 * start;
        byte* x0 = _activations.Codes(shared, rows.XOf(0)) + codeStart;
        byte* x1 = _activations.Codes(shared, rows.XOf(1)) + codeStart;
        byte* x2 = _activations.Codes(shared, rows.XOf(2)) + codeStart;
        byte* x3 = _activations.Codes(shared, rows.XOf(3)) + codeStart;
        byte* origin = _activations.Codes(shared, 0) + codeStart;
        long toScales = (byte*)(_activations.Scales(shared, 0) + (start / 32)) - origin;
        long toSums = (byte*)(_activations.Sums(shared, 0) + (start / TLayout.GroupElements)) - origin;
        long toStarts = (byte*)(_activations.Starts(shared, 0) + (start / TLayout.GroupElements)) - origin;
        T sum0 = T.Load(sums);
        T sum1 = T.Load(sums + 16);
        T sum2 = T.Load(sums + 32);
        T sum3 = T.Load(sums + 48);
        byte* weights = strip.Codes;
        int groups = parts * 32 / TLayout.GroupElements;
        int at = 0;
        for (int group = 0; group < groups; group++)
        {
            T dot0 = T.Zero;
            T dot1 = T.Zero;
            T dot2 = T.Zero;
            T dot3 = T.Zero;
            if (UseBytes)
            {
                if (TLayout.Offset != 0)
                {
                    long word = toStarts + (group * sizeof(int));
                    dot0 = T.BroadcastInt(*(int*)(x0 + word));
                    dot1 = T.BroadcastInt(*(int*)(x1 + word));
                    dot2 = T.BroadcastInt(*(int*)(x2 + word));
                    dot3 = T.BroadcastInt(*(int*)(x3 + word));
                }

                int end = at + TLayout.GroupElements;
                while (at < end)
                {
                    T weight = T.Load(weights);
                    T pair0 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x0 + at)));
                    T pair1 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x1 + at)));
                    T pair2 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x2 + at)));
                    T pair3 = T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(x3 + at)));
                    int pairsEnd = Math.Min(end, at + (4 * PairsInShort));
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
                for (int half = 0; half < TLayout.GroupElements; half += 16, at += 16)
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

            long scale = toScales + ((group >> BlockShift) * sizeof(float));
            T weightScale = T.Load(strip.Scales + (16 * group));
            sum0 = T.MultiplyAdd(T.ToFloats(dot0), weightScale * T.Broadcast(*(float*)(x0 + scale)), sum0);
            sum1 = T.MultiplyAdd(T.ToFloats(dot1), weightScale * T.Broadcast(*(float*)(x1 + scale)), sum1);
            sum2 = T.MultiplyAdd(T.ToFloats(dot2), weightScale * T.Broadcast(*(float*)(x2 + scale)), sum2);
            sum3 = T.MultiplyAdd(T.ToFloats(dot3), weightScale * T.Broadcast(*(float*)(x3 + scale)), sum3);
            if (TLayout.HasMinimum)
            {
                long groupSum = toSums + (group * sizeof(float));
                T minimum = T.Load(strip.Minimums + (16 * group));
                sum0 = T.MultiplyAdd(minimum, T.Broadcast(*(float*)(x0 + groupSum)), sum0);
                sum1 = T.MultiplyAdd(minimum, T.Broadcast(*(float*)(x1 + groupSum)), sum1);
                sum2 = T.MultiplyAdd(minimum, T.Broadcast(*(float*)(x2 + groupSum)), sum2);
                sum3 = T.MultiplyAdd(minimum, T.Broadcast(*(float*)(x3 + groupSum)), sum3);
            }
        }

        T.Store(sum0, sums);
        T.Store(sum1, sums + 16);
        T.Store(sum2, sums + 32);
        T.Store(sum3, sums + 48);
    }

    /// <summary>One row of x against the panel in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Single(PanelStrip strip, int parts, int start, int row, byte* shared, float* sums)
    {
        byte* codes = _activations.Codes(shared, row) + (UseBytes ? start : 2 * start);
        float* scales = _activations.Scales(shared, row) + (start / 32);
        float* groupSums = _activations.Sums(shared, row) + (start / TLayout.GroupElements);
        int* starts = _activations.Starts(shared, row) + (start / TLayout.GroupElements);
        T sum = T.Load(sums);
        byte* weights = strip.Codes;
        int groups = parts * 32 / TLayout.GroupElements;
        for (int group = 0; group < groups; group++)
        {
            T dot = UseBytes && TLayout.Offset != 0 ? T.BroadcastInt(starts[group]) : T.Zero;
            if (UseBytes)
            {
                for (int chunk = 0; chunk < TLayout.GroupElements / 4; chunk += 2, weights += 128, codes += 8)
                {
                    T pairs = T.MultiplyBytes(T.Load(weights), T.BroadcastInt(*(int*)codes));
                    pairs = T.AddShorts(pairs, T.MultiplyBytes(T.Load(weights + 64), T.BroadcastInt(*(int*)(codes + 4))));
                    dot = T.AddInts(dot, T.MultiplyShorts(pairs, T.BroadcastInt(0x0001_0001)));
                }
            }
            else
            {
                for (int half = 0; half < TLayout.GroupElements / 16; half++, codes += 32)
                {
                    for (int chunk = 0; chunk < 4; chunk++, weights += 64)
                    {
                        T weight = T.Load(weights);
                        dot = T.AddInts(dot, T.MultiplyShorts(T.EvenBytes(weight), T.BroadcastInt(((int*)codes)[chunk])));
                        dot = T.AddInts(dot, T.MultiplyShorts(T.OddBytes(weight), T.BroadcastInt(((int*)codes)[chunk + 4])));
                    }
                }
            }

            T scale = T.Broadcast(scales[group >> BlockShift]);
            sum = Add(dot, strip.Scales + (16 * group), strip.Minimums + (16 * group), scale, groupSums + group, sum);
        }

        T.Store(sum, sums);
    }

    /// <summary>Asks for memory that is soon read. Asking for memory that is not there does no harm.</summary>
    static void Prefetch(byte* from, long bytes)
    {
        if (Sse.IsSupported)
        {
            for (long at = 0; at < bytes; at += 64)
            {
                Sse.Prefetch1(from + at);
            }
        }
    }

    /// <summary>The canonical step: a group's dot products, scaled, and its minimums, into the sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Add(T dots, float* weightScales, float* minimums, T scale, float* groupSum, T sum)
    {
        sum = T.MultiplyAdd(T.ToFloats(dots), T.Load(weightScales) * scale, sum);
        return TLayout.HasMinimum ? T.MultiplyAdd(T.Load(minimums), T.Broadcast(*groupSum), sum) : sum;
    }

    /// <summary>The codes with their offset, as signed bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static CodeQuads<T> Signed(CodeQuads<T> codes)
    {
        if (TLayout.Offset == 0)
        {
            return codes;
        }

        T offset = T.BroadcastInt(0x0101_0101 * (byte)TLayout.Offset);
        return new(T.AddBytes(codes.Lower, offset), T.AddBytes(codes.Upper, offset));
    }

    /// <summary>The sum of every quad: those of a, b, c, d in lanes 0, 1, 2, 3 of its quad, which is the order of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Columns(T a, T b, T c, T d)
    {
        T ab = T.AddInts(T.InterleaveLowInts(a, b), T.InterleaveHighInts(a, b));
        T cd = T.AddInts(T.InterleaveLowInts(c, d), T.InterleaveHighInts(c, d));
        return T.AddInts(T.InterleaveLowPairs(ab, cd), T.InterleaveHighPairs(ab, cd));
    }
}
