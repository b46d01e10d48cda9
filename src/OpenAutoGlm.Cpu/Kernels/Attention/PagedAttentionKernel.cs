using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// Causal attention over paged KV memory with an online softmax. A token's answer depends on nothing but its query and
/// the KV blocks of its sequence, which are walked in rising order with one rule, for each query head:
/// <code>
/// score_j = Scale · Σ q · k_j                    in the order of lanes
/// m'      = max(m, max_j score_j)                over the tokens j of the block that are seen
/// w_j     = exp(score_j − m')                    0 for tokens that are not seen
/// total   = total · exp(m − m') + Σ w_j          Σ in the order of lanes, from the first token of the block
/// sum     = sum · exp(m − m') + w_0 · v_0 + …    one fused multiply-add for every seen token, in rising order
/// </code>
/// and at the end sum / total. Blocks begin at multiples of BlockTokens in the sequence, so batching and chunking cannot
/// move them. The work is spread over tokens and KV heads; the query heads of a KV head share its keys and values.
/// </summary>
sealed unsafe class PagedAttentionKernel<T> : ParallelKernel
    where T : struct, ILanes<T>
{
    readonly PagedAttention _op;
    readonly Scratch _scratch;
    readonly long _workerBytes;
    readonly int _scoreRow;

    internal PagedAttentionKernel(string name, WorkerPool pool, PagedAttention op, Scratch scratch, int groupHeads)
        : base(name, pool)
    {
        _op = op;
        _scratch = scratch;

        // Scores of a block, padded to whole lanes, one row for each query head, and its running maximum and total.
        _scoreRow = (op.BlockTokens + ILanes<T>.Count - 1) / ILanes<T>.Count * ILanes<T>.Count;
        _workerBytes = Scratch.Lines((_scoreRow + 2L) * groupHeads * sizeof(float));
        scratch.Require(_workerBytes * pool.Threads);
    }

    public override void Execute(int chunk, int worker)
    {
        int kvHeads = Inputs[1][1];
        Token(chunk / kvHeads, chunk % kvHeads, (float*)(_scratch.Pointer + (_workerBytes * worker)));
    }

    protected override int Begin()
    {
        _ = _scratch.Pointer;
        return Inputs[0][0] * Inputs[1][1];
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Token(int token, int kvHead, float* scores)
    {
        (int heads, int kvHeads, int headDim) = (Inputs[0][1], Inputs[1][1], Inputs[0][2]);
        int group = heads / kvHeads;
        int position = ((int*)Inputs[3].Data)[token];
        int sequence = ((int*)Inputs[4].Data)[token];
        int lastBlock = position / _op.BlockTokens;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)sequence, (uint)Inputs[5][0], "sequence");
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)lastBlock, (uint)Inputs[5][1], "block");
        int* table = (int*)Inputs[5].Data + ((long)sequence * Inputs[5][1]);
        int first = _op.Window > 0 ? Math.Max(0, position - _op.Window + 1) : 0;
        long rowStride = (long)kvHeads * headDim;
        long firstHead = ((long)token * heads) + ((long)kvHead * group);
        float* queries = (float*)Inputs[0].Data + (firstHead * headDim);
        float* y = (float*)Outputs[0].Data + (firstHead * headDim);
        float* largest = scores + ((long)_scoreRow * group);
        float* totals = largest + group;
        new Span<float>(y, group * headDim).Clear();
        new Span<float>(largest, group).Fill(float.NegativeInfinity);
        new Span<float>(totals, group).Clear();
        for (int block = first / _op.BlockTokens; block <= lastBlock; block++)
        {
            int slot = table[block] * _op.BlockTokens;
            int from = Math.Max(first - (block * _op.BlockTokens), 0);
            int to = Math.Min(position + 1 - (block * _op.BlockTokens), _op.BlockTokens);
            ArgumentOutOfRangeException.ThrowIfNegative(slot, "block");
            ArgumentOutOfRangeException.ThrowIfGreaterThan(slot + (long)to, Inputs[1][0], "block");
            long offset = (slot * rowStride) + ((long)kvHead * headDim);
            for (int head = 0; head < group; head++)
            {
                Score(queries + ((long)head * headDim), (float*)Inputs[1].Data + offset, rowStride, headDim, from, to, scores + ((long)head * _scoreRow));
                float correction = Weigh(scores + ((long)head * _scoreRow), from, to, ref largest[head], ref totals[head]);
                Accumulate(scores + ((long)head * _scoreRow), (float*)Inputs[2].Data + offset, rowStride, headDim, from, to, correction, y + ((long)head * headDim));
            }
        }

        for (int head = 0; head < group; head++)
        {
            T total = T.Broadcast(totals[head]);
            for (int i = 0; i < headDim; i += ILanes<T>.Count)
            {
                int count = Math.Min(ILanes<T>.Count, headDim - i);
                float* part = y + ((long)head * headDim) + i;
                T.StoreFirst(T.LoadFirst(part, count) / total, part, count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Score(float* query, float* keys, long rowStride, int headDim, int from, int to, float* scores)
    {
        int whole = headDim / ILanes<T>.Count * ILanes<T>.Count;
        int j = from;
        for (; j <= to - 4; j += 4)
        {
            float* key = keys + (j * rowStride);
            (T a, T b, T c, T d) = (T.Zero, T.Zero, T.Zero, T.Zero);
            for (int i = 0; i < whole; i += ILanes<T>.Count)
            {
                T part = T.Load(query + i);
                a = T.MultiplyAdd(part, T.Load(key + i), a);
                b = T.MultiplyAdd(part, T.Load(key + rowStride + i), b);
                c = T.MultiplyAdd(part, T.Load(key + (2 * rowStride) + i), c);
                d = T.MultiplyAdd(part, T.Load(key + (3 * rowStride) + i), d);
            }

            if (whole < headDim)
            {
                int count = headDim - whole;
                T part = T.LoadFirst(query + whole, count);
                a = T.MultiplyAdd(part, T.LoadFirst(key + whole, count), a);
                b = T.MultiplyAdd(part, T.LoadFirst(key + rowStride + whole, count), b);
                c = T.MultiplyAdd(part, T.LoadFirst(key + (2 * rowStride) + whole, count), c);
                d = T.MultiplyAdd(part, T.LoadFirst(key + (3 * rowStride) + whole, count), d);
            }

            scores[j] = _op.Scale * T.Sum(a);
            scores[j + 1] = _op.Scale * T.Sum(b);
            scores[j + 2] = _op.Scale * T.Sum(c);
            scores[j + 3] = _op.Scale * T.Sum(d);
        }

        for (; j < to; j++)
        {
            float* key = keys + (j * rowStride);
            T sum = T.Zero;
            for (int i = 0; i < headDim; i += ILanes<T>.Count)
            {
                int count = Math.Min(ILanes<T>.Count, headDim - i);
                sum = T.MultiplyAdd(T.LoadFirst(query + i, count), T.LoadFirst(key + i, count), sum);
            }

            scores[j] = _op.Scale * T.Sum(sum);
        }
    }

    /// <summary>Scores into weights; the new maximum and total; what the sum so far must be multiplied with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    float Weigh(float* scores, int from, int to, ref float largest, ref float total)
    {
        new Span<float>(scores, from).Fill(float.NegativeInfinity);
        new Span<float>(scores + to, _scoreRow - to).Fill(float.NegativeInfinity);
        T most = T.Broadcast(largest);
        for (int i = 0; i < _scoreRow; i += ILanes<T>.Count)
        {
            most = T.Max(most, T.Load(scores + i));
        }

        float newLargest = T.Largest(most);
        T shift = T.Broadcast(newLargest);
        T sum = T.Zero;
        for (int i = 0; i < _scoreRow; i += ILanes<T>.Count)
        {
            T weight = Functions.Exp(T.Load(scores + i) - shift);
            T.Store(weight, scores + i);
            sum += weight;
        }

        // e^(−∞ − m) of the first block is 0, as it should be; lane 0 of the same polynomial as everywhere.
        float* copy = stackalloc float[ILanes<T>.Count];
        T.Store(Functions.Exp(T.Broadcast(largest) - shift), copy);
        float correction = copy[0];
        total = (total * correction) + T.Sum(sum);
        largest = newLargest;
        return correction;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Accumulate(float* weights, float* values, long rowStride, int headDim, int from, int to, float correction, float* y)
    {
        T factor = T.Broadcast(correction);
        int i = 0;
        for (; i <= headDim - (4 * ILanes<T>.Count); i += 4 * ILanes<T>.Count)
        {
            T a = T.Load(y + i) * factor;
            T b = T.Load(y + i + 16) * factor;
            T c = T.Load(y + i + 32) * factor;
            T d = T.Load(y + i + 48) * factor;
            for (int j = from; j < to; j++)
            {
                float* value = values + (j * rowStride) + i;
                T weight = T.Broadcast(weights[j]);
                a = T.MultiplyAdd(weight, T.Load(value), a);
                b = T.MultiplyAdd(weight, T.Load(value + 16), b);
                c = T.MultiplyAdd(weight, T.Load(value + 32), c);
                d = T.MultiplyAdd(weight, T.Load(value + 48), d);
            }

            T.Store(a, y + i);
            T.Store(b, y + i + 16);
            T.Store(c, y + i + 32);
            T.Store(d, y + i + 48);
        }

        for (; i < headDim; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, headDim - i);
            T sum = T.LoadFirst(y + i, count) * factor;
            for (int j = from; j < to; j++)
            {
                sum = T.MultiplyAdd(T.Broadcast(weights[j]), T.LoadFirst(values + (j * rowStride) + i, count), sum);
            }

            T.StoreFirst(sum, y + i, count);
        }
    }
}
