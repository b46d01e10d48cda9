using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// The elementwise part of attention over a square of scores, [keys, queries]: lanes are queries, so that a softmax over keys runs
/// down the lines. A key counts for a query if it lies between the first row that the query sees and the query's own.
/// </summary>
static unsafe class AttentionTiles<T>
    where T : struct, ILanes<T>
{
    internal const int Keys = 64;
    internal const int Queries = 48;
    internal const int RowBytes = Queries * sizeof(float);
    internal const float Masked = -1e30f;
    const int Lanes = 16;

    /// <summary>
    /// One step of the online softmax for sixteen queries: scores become weights e^(score − largest), and factors say by what the
    /// sums so far have to be multiplied. Source: Milakov &amp; Gimelshein 2018.
    /// </summary>
    [MethodImpl(Jit.Loop)]
    internal static void Softmax(float* scores, int keys, float scale, bool masks, int firstKey, int firstQuery, float* seen, float* largest, float* sums, float* factors)
    {
        T query = T.ToFloats(T.AddInts(T.Load(Order), T.BroadcastInt(firstQuery)));
        T first = T.Load(seen);
        T factor = T.Broadcast(scale);
        T before = T.Load(largest);
        T most = before;
        for (int key = 0; key < keys; key++)
        {
            float* line = scores + (key * Queries);
            T score = T.Load(line) * factor;
            if (masks)
            {
                T at = T.Broadcast(firstKey + key);
                score = T.Select(T.Or(T.Less(query, at), T.Less(at, first)), T.Broadcast(Masked), score);
            }

            T.Store(score, line);
            most = T.Max(most, score);
        }

        T sum = T.Zero;
        for (int key = 0; key < keys; key++)
        {
            float* line = scores + (key * Queries);
            T score = T.Load(line);
            T weight = Functions.Exp(score - most);
            if (masks)
            {
                weight = T.Select(T.Less(score, T.Broadcast(0.5f * Masked)), T.Zero, weight);
            }

            T.Store(weight, line);
            sum += weight;
        }

        T shrink = Functions.Exp(before - most);
        T.Store(most, largest);
        T.Store(shrink, factors);
        T.Store(T.MultiplyAdd(T.Load(sums), shrink, sum), sums);
    }

    /// <summary>Scores become shares e^(scale · score − logSum), and what dy · v is becomes scale · share · (dy · v − delta).</summary>
    [MethodImpl(Jit.Loop)]
    internal static void Backward(float* scores, float* products, int keys, float scale, bool masks, int firstKey, int firstQuery, float* seen, float* logSums, float* deltas)
    {
        T query = T.ToFloats(T.AddInts(T.Load(Order), T.BroadcastInt(firstQuery)));
        T first = T.Load(seen);
        T factor = T.Broadcast(scale);
        T logSum = T.Load(logSums);
        T delta = T.Load(deltas);
        for (int key = 0; key < keys; key++)
        {
            float* line = scores + (key * Queries);
            float* product = products + (key * Queries);
            T share = Functions.Exp((T.Load(line) * factor) - logSum);
            if (masks)
            {
                T at = T.Broadcast(firstKey + key);
                share = T.Select(T.Or(T.Less(query, at), T.Less(at, first)), T.Zero, share);
            }

            T.Store(share, line);
            T.Store((T.Load(product) - delta) * share * factor, product);
        }
    }

    /// <summary>row · factor, of whole lanes.</summary>
    internal static void Shrink(float* row, int count, float factor)
    {
        T by = T.Broadcast(factor);
        for (int i = 0; i < count; i += Lanes)
        {
            T.Store(T.Load(row + i) * by, row + i);
        }
    }

    /// <summary>The sum of products of two rows, in the order of lanes.</summary>
    [MethodImpl(Jit.Loop)]
    internal static float Dot(float* a, float* b, int count)
    {
        T sum = T.Zero;
        int i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            sum = T.MultiplyAdd(T.Load(a + i), T.Load(b + i), sum);
        }

        if (i < count)
        {
            sum = T.MultiplyAdd(T.LoadFirst(a + i, count - i), T.LoadFirst(b + i, count - i), sum);
        }

        return T.Sum(sum);
    }

    static ReadOnlySpan<int> Counting => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    static int* Order => (int*)Unsafe.AsPointer(ref Unsafe.AsRef(in Counting[0])); // constant data, which never moves
}
