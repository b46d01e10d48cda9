using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// The spans over lanes, for every instruction set. Queries and weights are kept as float32, rounded to BF16 where the
/// elements are BF16. Four rows share every load; where there are fewer, the last one is computed again in the places of
/// those that are missing, and written over with the same bits.
/// </summary>
unsafe class LaneSpans<T, TElements>(int headDim) : SpanKernels
    where T : struct, ILanes<T>
    where TElements : struct, IKvElements<T>
{
    const int Rows = 4;

    protected int HeadDim => headDim;

    internal override int RowsPerStep => Rows;

    internal override void PrepareQueries(float* queries, int rows, float factor, void* prepared)
    {
        T scale = T.Broadcast(factor);
        int elements = rows * headDim;
        for (int i = 0; i < elements; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, elements - i);
            T scaled = T.LoadFirst(queries + i, count) * scale;
            T.StoreFirst(TElements.AreBFloat16 ? Functions.RoundToBFloat16(scaled) : scaled, (float*)prepared + i, count);
        }
    }

    internal override void* QueryRow(void* prepared, int row) => (float*)prepared + ((long)row * headDim);

    [MethodImpl(Jit.Loop)]
    internal override void Score(void* queries, int rows, byte** keys, int groups, float* scores, bool fetch)
    {
        if (TElements.AreInTiles)
        {
            ScoreTiles((float*)queries, rows, keys, groups, scores);
            return;
        }

        // Which of a pair is added first.
        (int first, int second) = TElements.AreBFloat16 ? (1, 0) : (0, 1);
        float* q0 = (float*)queries;
        float* q1 = q0 + (Math.Min(1, rows - 1) * headDim);
        float* q2 = q0 + (Math.Min(2, rows - 1) * headDim);
        float* q3 = q0 + (Math.Min(3, rows - 1) * headDim);
        for (int group = 0; group < groups; group++)
        {
            (T a, T b, T c, T d) = (T.Zero, T.Zero, T.Zero, T.Zero);
            for (int pair = 0; pair < headDim / 2; pair++)
            {
                TElements.Keys(keys[group], pair, out T even, out T odd);
                (T k0, T k1) = TElements.AreBFloat16 ? (odd, even) : (even, odd);
                int i = (2 * pair) + first;
                int j = (2 * pair) + second;
                a = T.MultiplyAdd(T.Broadcast(q0[j]), k1, T.MultiplyAdd(T.Broadcast(q0[i]), k0, a));
                b = T.MultiplyAdd(T.Broadcast(q1[j]), k1, T.MultiplyAdd(T.Broadcast(q1[i]), k0, b));
                c = T.MultiplyAdd(T.Broadcast(q2[j]), k1, T.MultiplyAdd(T.Broadcast(q2[i]), k0, c));
                d = T.MultiplyAdd(T.Broadcast(q3[j]), k1, T.MultiplyAdd(T.Broadcast(q3[i]), k0, d));
            }

            float* part = scores + (group * ILanes<T>.Count);
            T.Store(a, part);
            T.Store(b, part + (Math.Min(1, rows - 1) * SpanTokens));
            T.Store(c, part + (Math.Min(2, rows - 1) * SpanTokens));
            T.Store(d, part + (Math.Min(3, rows - 1) * SpanTokens));
        }
    }

    [MethodImpl(Jit.Loop)]
    internal override void Weigh(float* scores, int rows, int groups, RowStates states, float* corrections, void* weights)
    {
        float* copy = stackalloc float[ILanes<T>.Count];
        for (int row = 0; row < rows; row++)
        {
            float* from = scores + (row * SpanTokens);
            float* to = (float*)weights + (row * SpanTokens);
            T most = T.Broadcast(states.Largest[row]);
            for (int group = 0; group < groups; group++)
            {
                most = T.Max(most, T.Load(from + (group * ILanes<T>.Count)));
            }

            float largest = T.Largest(most);
            T shift = T.Broadcast(largest);
            T sum = T.Zero;
            for (int group = 0; group < groups; group++)
            {
                T weight = Functions.Weight(T.Load(from + (group * ILanes<T>.Count)) - shift, TElements.AreBFloat16);
                sum += weight;
                T.Store(TElements.AreBFloat16 ? Functions.RoundToBFloat16(weight) : weight, to + (group * ILanes<T>.Count));
            }

            T correction = Functions.Weight(T.Broadcast(states.Largest[row]) - shift, TElements.AreBFloat16);
            float* totals = states.Totals + (row * ILanes<T>.Count);
            T.Store(T.MultiplyAdd(T.Load(totals), correction, sum), totals);
            T.Store(correction, copy);
            corrections[row] = copy[0];
            states.Largest[row] = largest;
        }
    }

    [MethodImpl(Jit.Loop)]
    internal override void Accumulate(void* weights, int rows, byte** values, int groups, float* corrections, RowStates states, bool fetch)
    {
        if (TElements.AreInTiles)
        {
            AccumulateTiles((float*)weights, rows, values, groups, corrections, states);
            return;
        }

        int start = 0;
        for (; start <= headDim - ILanes<T>.Count; start += ILanes<T>.Count)
        {
            AccumulatePart((float*)weights, rows, values, groups, corrections, states, start, ILanes<T>.Count);
        }

        if (start < headDim)
        {
            AccumulatePart((float*)weights, rows, values, groups, corrections, states, start, headDim - start);
        }
    }

    internal override void Merge(RowStates whole, RowStates part, int rows)
    {
        for (int row = 0; row < rows; row++)
        {
            float largest = MathF.Max(whole.Largest[row], part.Largest[row]);
            T wholeFactor = Functions.Weight(T.Broadcast(whole.Largest[row] - largest), coarse: false);
            T partFactor = Functions.Weight(T.Broadcast(part.Largest[row] - largest), coarse: false);
            whole.Largest[row] = largest;
            Add(whole.Totals + (row * ILanes<T>.Count), part.Totals + (row * ILanes<T>.Count), ILanes<T>.Count);
            Add(whole.Sums + ((long)row * whole.SumStride), part.Sums + ((long)row * part.SumStride), whole.SumStride);

            void Add(float* to, float* from, int elements)
            {
                for (int i = 0; i < elements; i += ILanes<T>.Count)
                {
                    T.Store(T.MultiplyAdd(T.Load(from + i), partFactor, T.Load(to + i) * wholeFactor), to + i);
                }
            }
        }
    }

    internal override void Divide(RowStates states, int rows, float* y)
    {
        for (int row = 0; row < rows; row++)
        {
            T total = T.Broadcast(T.Sum(T.Load(states.Totals + (row * ILanes<T>.Count))));
            for (int i = 0; i < headDim; i += ILanes<T>.Count)
            {
                int count = Math.Min(ILanes<T>.Count, headDim - i);
                T.StoreFirst(T.Load(states.Sums + ((long)row * states.SumStride) + i) / total, y + ((long)row * headDim) + i, count);
            }
        }
    }

    /// <summary>Scores in the order of the matrix unit: 32 elements of a head after the other.</summary>
    void ScoreTiles(float* queries, int rows, byte** keys, int groups, float* scores)
    {
        for (int row = 0; row < rows; row++, queries += headDim, scores += SpanTokens)
        {
            for (int group = 0; group < groups; group++)
            {
                T score = T.Zero;
                for (int start = 0; start < headDim; start += 32)
                {
                    (T evens, T odds) = (T.Zero, T.Zero);
                    for (int i = start; i < start + 32; i += 2)
                    {
                        TElements.Keys(keys[group], i / 2, out T even, out T odd);
                        evens = T.MultiplyAdd(T.Broadcast(queries[i]), even, evens);
                        odds = T.MultiplyAdd(T.Broadcast(queries[i + 1]), odd, odds);
                    }

                    score += evens + odds;
                }

                T.Store(score, scores + (group * ILanes<T>.Count));
            }
        }
    }

    /// <summary>Sums in the order of the matrix unit: the tokens of a group after the other.</summary>
    void AccumulateTiles(float* weights, int rows, byte** values, int groups, float* corrections, RowStates states)
    {
        for (int row = 0; row < rows; row++, weights += SpanTokens)
        {
            for (int start = 0; start < headDim; start += ILanes<T>.Count)
            {
                T products = T.Zero;
                for (int group = 0; group < groups; group++)
                {
                    (T evens, T odds) = (T.Zero, T.Zero);
                    for (int i = 0; i < ILanes<T>.Count; i += 2)
                    {
                        TElements.Values(values[group], headDim, i / 2, start, ILanes<T>.Count, out T even, out T odd);
                        evens = T.MultiplyAdd(T.Broadcast(weights[(group * ILanes<T>.Count) + i]), even, evens);
                        odds = T.MultiplyAdd(T.Broadcast(weights[(group * ILanes<T>.Count) + i + 1]), odd, odds);
                    }

                    products += evens + odds;
                }

                float* sums = states.Sums + ((long)row * states.SumStride) + start;
                T.Store(T.MultiplyAdd(T.Load(sums), T.Broadcast(corrections[row]), products), sums);
            }
        }
    }

    /// <summary>Sixteen elements of the head, or those that are left; inlined, so that whole lanes need no counting.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void AccumulatePart(float* weights, int rows, byte** values, int groups, float* corrections, RowStates states, int start, int count)
    {
        (int r1, int r2, int r3) = (Math.Min(1, rows - 1), Math.Min(2, rows - 1), Math.Min(3, rows - 1));
        float* w1 = weights + (r1 * SpanTokens);
        float* w2 = weights + (r2 * SpanTokens);
        float* w3 = weights + (r3 * SpanTokens);
        float* s0 = states.Sums + start;
        float* s1 = s0 + (r1 * states.SumStride);
        float* s2 = s0 + (r2 * states.SumStride);
        float* s3 = s0 + (r3 * states.SumStride);
        T a = T.Load(s0) * T.Broadcast(corrections[0]);
        T b = T.Load(s1) * T.Broadcast(corrections[r1]);
        T c = T.Load(s2) * T.Broadcast(corrections[r2]);
        T d = T.Load(s3) * T.Broadcast(corrections[r3]);
        for (int group = 0; group < groups; group++)
        {
            byte* tokens = values[group];
            for (int pair = 0; pair < ILanes<T>.Count / 2; pair++)
            {
                TElements.Values(tokens, headDim, pair, start, count, out T even, out T odd);
                (T v0, T v1) = TElements.AreBFloat16 ? (odd, even) : (even, odd);
                int i = (group * ILanes<T>.Count) + (2 * pair) + (TElements.AreBFloat16 ? 1 : 0);
                int j = (group * ILanes<T>.Count) + (2 * pair) + (TElements.AreBFloat16 ? 0 : 1);
                a = T.MultiplyAdd(T.Broadcast(weights[j]), v1, T.MultiplyAdd(T.Broadcast(weights[i]), v0, a));
                b = T.MultiplyAdd(T.Broadcast(w1[j]), v1, T.MultiplyAdd(T.Broadcast(w1[i]), v0, b));
                c = T.MultiplyAdd(T.Broadcast(w2[j]), v1, T.MultiplyAdd(T.Broadcast(w2[i]), v0, c));
                d = T.MultiplyAdd(T.Broadcast(w3[j]), v1, T.MultiplyAdd(T.Broadcast(w3[i]), v0, d));
            }
        }

        T.Store(a, s0);
        T.Store(b, s1);
        T.Store(c, s2);
        T.Store(d, s3);
    }
}
