using System.Runtime.CompilerServices;
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
    static bool UseBytes => T.HasByteProducts && TLayout.GreatestByte <= 63;

    /// <summary>Pairs of products that an int16 holds: 8, 4 or 2.</summary>
    static int PairsInShort => TLayout.GreatestByte <= 15 ? 8 : TLayout.GreatestByte <= 31 ? 4 : 2;

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

            TLayout.Open<T>(strip, elements);
            if (rows.Count == 1)
            {
                One(strip, elements / 32, start, rows.XOf(0), shared, strip.Sums);
                continue;
            }

            Interleave(strip, elements / 32);
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

    /// <summary>One row of x against the strip, without a panel in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void One(PanelStrip strip, int parts, int start, int row, byte* shared, float* sums)
    {
        byte* codes = _activations.Codes(shared, row) + (UseBytes ? start : 2 * start);
        float* scales = _activations.Scales(shared, row) + (start / 32);
        float* groupSums = _activations.Sums(shared, row) + (start / TLayout.GroupElements);
        int* starts = _activations.Starts(shared, row) + (start / TLayout.GroupElements);
        float* weightScales = strip.Scales;
        float* minimums = strip.Minimums;
        byte** rows = strip.Rows;
        T sum = T.Load(sums);
        for (int part = 0; part < parts; part++)
        {
            T scale = T.Broadcast(scales[part]);
            if (UseBytes)
            {
                T lower = T.LoadSameQuad(codes + (32 * part));
                T upper = T.LoadSameQuad(codes + (32 * part) + 16);
                CodeQuads<T> a = TLayout.Quads<T>(rows, part);
                CodeQuads<T> b = TLayout.Quads<T>(rows + 1, part);
                CodeQuads<T> c = TLayout.Quads<T>(rows + 2, part);
                CodeQuads<T> d = TLayout.Quads<T>(rows + 3, part);
                if (TLayout.GroupElements == 32)
                {
                    T dots = Columns(Bytes(a, lower, upper), Bytes(b, lower, upper), Bytes(c, lower, upper), Bytes(d, lower, upper));
                    dots = TLayout.Offset == 0 ? dots : T.AddInts(dots, T.BroadcastInt(starts[part]));
                    sum = Add(dots, weightScales + (16 * part), minimums + (16 * part), scale, groupSums + part, sum);
                }
                else
                {
                    T dots = Columns(Bytes(a.Lower, lower), Bytes(b.Lower, lower), Bytes(c.Lower, lower), Bytes(d.Lower, lower));
                    dots = TLayout.Offset == 0 ? dots : T.AddInts(dots, T.BroadcastInt(starts[2 * part]));
                    sum = Add(dots, weightScales + (32 * part), minimums + (32 * part), scale, groupSums + (2 * part), sum);
                    dots = Columns(Bytes(a.Upper, upper), Bytes(b.Upper, upper), Bytes(c.Upper, upper), Bytes(d.Upper, upper));
                    dots = TLayout.Offset == 0 ? dots : T.AddInts(dots, T.BroadcastInt(starts[(2 * part) + 1]));
                    sum = Add(dots, weightScales + (32 * part) + 16, minimums + (32 * part) + 16, scale, groupSums + (2 * part) + 1, sum);
                }
            }
            else
            {
                byte* x = codes + (64 * part);
                CodeQuads<T> a = Signed(TLayout.Quads<T>(rows, part));
                CodeQuads<T> b = Signed(TLayout.Quads<T>(rows + 1, part));
                CodeQuads<T> c = Signed(TLayout.Quads<T>(rows + 2, part));
                CodeQuads<T> d = Signed(TLayout.Quads<T>(rows + 3, part));
                T lower = Columns(Shorts(a.Lower, x), Shorts(b.Lower, x), Shorts(c.Lower, x), Shorts(d.Lower, x));
                T upper = Columns(Shorts(a.Upper, x + 32), Shorts(b.Upper, x + 32), Shorts(c.Upper, x + 32), Shorts(d.Upper, x + 32));
                if (TLayout.GroupElements == 32)
                {
                    sum = Add(T.AddInts(lower, upper), weightScales + (16 * part), minimums + (16 * part), scale, groupSums + part, sum);
                }
                else
                {
                    sum = Add(lower, weightScales + (32 * part), minimums + (32 * part), scale, groupSums + (2 * part), sum);
                    sum = Add(upper, weightScales + (32 * part) + 16, minimums + (32 * part) + 16, scale, groupSums + (2 * part) + 1, sum);
                }
            }
        }

        T.Store(sum, sums);
    }

    /// <summary>The codes of the strip so that a register holds four elements of each of the 16 rows, row r in lane r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Interleave(PanelStrip strip, int parts)
    {
        byte** rows = strip.Rows;
        byte* codes = strip.Codes;
        for (int part = 0; part < parts; part++, codes += 512)
        {
            CodeQuads<T> a = UseBytes ? TLayout.Quads<T>(rows, part) : Signed(TLayout.Quads<T>(rows, part));
            CodeQuads<T> b = UseBytes ? TLayout.Quads<T>(rows + 1, part) : Signed(TLayout.Quads<T>(rows + 1, part));
            CodeQuads<T> c = UseBytes ? TLayout.Quads<T>(rows + 2, part) : Signed(TLayout.Quads<T>(rows + 2, part));
            CodeQuads<T> d = UseBytes ? TLayout.Quads<T>(rows + 3, part) : Signed(TLayout.Quads<T>(rows + 3, part));
            Transpose(a.Lower, b.Lower, c.Lower, d.Lower, codes);
            Transpose(a.Upper, b.Upper, c.Upper, d.Upper, codes + 256);
        }
    }

    /// <summary>Four rows of x against the panel in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Four(PanelStrip strip, int parts, int start, RowList rows, byte* shared, float* sums)
    {
        int codeStart = UseBytes ? start : 2 * start;
        byte* codes0 = _activations.Codes(shared, rows.XOf(0)) + codeStart;
        byte* codes1 = _activations.Codes(shared, rows.XOf(1)) + codeStart;
        byte* codes2 = _activations.Codes(shared, rows.XOf(2)) + codeStart;
        byte* codes3 = _activations.Codes(shared, rows.XOf(3)) + codeStart;
        long scalesAt = (byte*)(_activations.Scales(shared, 0) + (start / 32)) - _activations.Codes(shared, 0) - codeStart;
        long sumsAt = (byte*)(_activations.Sums(shared, 0) + (start / TLayout.GroupElements)) - _activations.Codes(shared, 0) - codeStart;
        long startsAt = (byte*)(_activations.Starts(shared, 0) + (start / TLayout.GroupElements)) - _activations.Codes(shared, 0) - codeStart;
        float* scales0 = (float*)(codes0 + scalesAt);
        float* scales1 = (float*)(codes1 + scalesAt);
        float* scales2 = (float*)(codes2 + scalesAt);
        float* scales3 = (float*)(codes3 + scalesAt);
        T sum0 = T.Load(sums);
        T sum1 = T.Load(sums + 16);
        T sum2 = T.Load(sums + 32);
        T sum3 = T.Load(sums + 48);
        byte* weights = strip.Codes;
        int groups = parts * 32 / TLayout.GroupElements;
        const int GroupChunks = 4; // of 16 elements
        int codeBytes = TLayout.GroupElements * (UseBytes ? 1 : 2);
        for (int group = 0; group < groups; group++)
        {
            T dot0, dot1, dot2, dot3;
            if (UseBytes)
            {
                (dot0, dot1, dot2, dot3) = (T.Zero, T.Zero, T.Zero, T.Zero);
                if (TLayout.Offset != 0)
                {
                    dot0 = T.BroadcastInt(((int*)(codes0 + startsAt))[group]);
                    dot1 = T.BroadcastInt(((int*)(codes1 + startsAt))[group]);
                    dot2 = T.BroadcastInt(((int*)(codes2 + startsAt))[group]);
                    dot3 = T.BroadcastInt(((int*)(codes3 + startsAt))[group]);
                }

                int at = group * codeBytes;
                for (int chunk = 0; chunk < TLayout.GroupElements / 4; chunk += PairsInShort)
                {
                    (T pair0, T pair1, T pair2, T pair3) = (T.Zero, T.Zero, T.Zero, T.Zero);
                    for (int inner = 0; inner < Math.Min(PairsInShort, TLayout.GroupElements / 4); inner++, weights += 64, at += 4)
                    {
                        T weight = T.Load(weights);
                        pair0 = T.AddShorts(pair0, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(codes0 + at))));
                        pair1 = T.AddShorts(pair1, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(codes1 + at))));
                        pair2 = T.AddShorts(pair2, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(codes2 + at))));
                        pair3 = T.AddShorts(pair3, T.MultiplyBytes(weight, T.BroadcastInt(*(int*)(codes3 + at))));
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
                (dot0, dot1, dot2, dot3) = (T.Zero, T.Zero, T.Zero, T.Zero);
                for (int half = 0; half < TLayout.GroupElements / 16; half++)
                {
                    int at = (group * codeBytes) + (32 * half);
                    for (int chunk = 0; chunk < GroupChunks; chunk++, weights += 64, at += 4)
                    {
                        T weight = T.Load(weights);
                        T even = T.EvenBytes(weight);
                        T odd = T.OddBytes(weight);
                        dot0 = T.AddInts(dot0, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(codes0 + at))));
                        dot1 = T.AddInts(dot1, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(codes1 + at))));
                        dot2 = T.AddInts(dot2, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(codes2 + at))));
                        dot3 = T.AddInts(dot3, T.MultiplyShorts(even, T.BroadcastInt(*(int*)(codes3 + at))));
                        dot0 = T.AddInts(dot0, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(codes0 + at + 16))));
                        dot1 = T.AddInts(dot1, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(codes1 + at + 16))));
                        dot2 = T.AddInts(dot2, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(codes2 + at + 16))));
                        dot3 = T.AddInts(dot3, T.MultiplyShorts(odd, T.BroadcastInt(*(int*)(codes3 + at + 16))));
                    }
                }
            }

            int block = group * TLayout.GroupElements / 32;
            T weightScale = T.Load(strip.Scales + (16 * group));
            sum0 = T.MultiplyAdd(T.ToFloats(dot0), weightScale * T.Broadcast(scales0[block]), sum0);
            sum1 = T.MultiplyAdd(T.ToFloats(dot1), weightScale * T.Broadcast(scales1[block]), sum1);
            sum2 = T.MultiplyAdd(T.ToFloats(dot2), weightScale * T.Broadcast(scales2[block]), sum2);
            sum3 = T.MultiplyAdd(T.ToFloats(dot3), weightScale * T.Broadcast(scales3[block]), sum3);
            if (TLayout.HasMinimum)
            {
                T minimum = T.Load(strip.Minimums + (16 * group));
                sum0 = T.MultiplyAdd(minimum, T.Broadcast(((float*)(codes0 + sumsAt))[group]), sum0);
                sum1 = T.MultiplyAdd(minimum, T.Broadcast(((float*)(codes1 + sumsAt))[group]), sum1);
                sum2 = T.MultiplyAdd(minimum, T.Broadcast(((float*)(codes2 + sumsAt))[group]), sum2);
                sum3 = T.MultiplyAdd(minimum, T.Broadcast(((float*)(codes3 + sumsAt))[group]), sum3);
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
                    T pairs = T.AddShorts(
                        T.MultiplyBytes(T.Load(weights), T.BroadcastInt(*(int*)codes)),
                        T.MultiplyBytes(T.Load(weights + 64), T.BroadcastInt(*(int*)(codes + 4))));
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

            T scale = T.Broadcast(scales[group * TLayout.GroupElements / 32]);
            sum = Add(dot, strip.Scales + (16 * group), strip.Minimums + (16 * group), scale, groupSums + group, sum);
        }

        T.Store(sum, sums);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Bytes(CodeQuads<T> codes, T lower, T upper) =>
        T.MultiplyShorts(T.AddShorts(T.MultiplyBytes(codes.Lower, lower), T.MultiplyBytes(codes.Upper, upper)), T.BroadcastInt(0x0001_0001));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Bytes(T codes, T x) => T.MultiplyShorts(T.MultiplyBytes(codes, x), T.BroadcastInt(0x0001_0001));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Shorts(T codes, byte* x) => T.AddInts(
        T.MultiplyShorts(T.EvenBytes(codes), T.LoadSameQuad(x)), T.MultiplyShorts(T.OddBytes(codes), T.LoadSameQuad(x + 16)));

    /// <summary>The sum of every quad: those of a, b, c, d in lanes 0, 1, 2, 3 of its quad, which is the order of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Columns(T a, T b, T c, T d)
    {
        T ab = T.AddInts(T.InterleaveLowInts(a, b), T.InterleaveHighInts(a, b));
        T cd = T.AddInts(T.InterleaveLowInts(c, d), T.InterleaveHighInts(c, d));
        return T.AddInts(T.InterleaveLowPairs(ab, cd), T.InterleaveHighPairs(ab, cd));
    }

    /// <summary>Transposes each quad of four registers and stores them one behind another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose(T a, T b, T c, T d, byte* to)
    {
        (T abLow, T abHigh) = (T.InterleaveLowInts(a, b), T.InterleaveHighInts(a, b));
        (T cdLow, T cdHigh) = (T.InterleaveLowInts(c, d), T.InterleaveHighInts(c, d));
        T.Store(T.InterleaveLowPairs(abLow, cdLow), to);
        T.Store(T.InterleaveHighPairs(abLow, cdLow), to + 64);
        T.Store(T.InterleaveLowPairs(abHigh, cdHigh), to + 128);
        T.Store(T.InterleaveHighPairs(abHigh, cdHigh), to + 192);
    }
}
