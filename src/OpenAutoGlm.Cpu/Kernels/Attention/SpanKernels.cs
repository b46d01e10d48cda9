using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// The inner loops of attention: a few rows (a row is one query head of one token) against a span of up to
/// <see cref="SpanGroups"/> groups of keys and values. There is one arithmetic for each kind of element, and every
/// implementation of it gives the same bits:
/// <code>
/// score_j = Σ q · k_j                            one fused multiply-add for every element of the head
/// m'      = max(m, max_j score_j)                over the tokens j of the span that are seen
/// w_j     = 2^(score_j − m')                     0 for tokens that are not seen
/// total_l = total_l · 2^(m − m') + Σ w_j         for each of sixteen lanes l = j mod 16, in rising j
/// sum     = sum · 2^(m − m') + w_0 · v_0 + …     one fused multiply-add for every token
/// </code>
/// Queries come multiplied with scale · log₂e. Elements of F32 (to which F16 is unpacked) are taken in rising order.
/// Elements of BF16 (to which Q8_0 is unpacked) are taken in pairs, the second of a pair first, because that is what
/// vdpbf16ps does; queries and weights are rounded to BF16 there, totals are not. Where the machine has a matrix unit, they are taken in
/// its order instead (<see cref="Emit.PairOrder"/>), and the sum of a span's weighted values is made before it is added:
/// <code>
/// sum     = sum · 2^(m − m') + Σ w_j · v_j       one fused multiply-add for the span
/// </code>
/// vdpbf16ps takes denormal numbers for 0
/// and gives 0 for them, which the written twin does not: the two differ where an element of a sum is below 1.2e-38 in
/// size, and nowhere else. Weights are never so small, and keys, values and queries that are become 0 when they are
/// rounded.
/// </summary>
abstract unsafe class SpanKernels
{
    /// <summary>Groups in a span.</summary>
    internal const int SpanGroups = 8;

    /// <summary>Tokens in a span: spans begin at multiples of this in a sequence.</summary>
    internal const int SpanTokens = SpanGroups * KvLayout.GroupTokens;

    /// <summary>The maximum of a row that has seen nothing: finite, so that a difference of two of them is no NaN.</summary>
    internal const float Nothing = -1e30f;

    /// <summary>The most rows that go into one call.</summary>
    internal abstract int RowsPerStep { get; }

    /// <summary>What a thread does before some calls.</summary>
    internal virtual void Open()
    {
    }

    /// <summary>What it does after them.</summary>
    internal virtual void Close()
    {
    }

    /// <summary>Scaled and rounded queries. queries, prepared: [rows, headDim], prepared with 4 bytes an element reserved.</summary>
    internal abstract void PrepareQueries(float* queries, int rows, float factor, void* prepared);

    /// <summary>The address of a prepared row.</summary>
    internal abstract void* QueryRow(void* prepared, int row);

    /// <summary>
    /// Scores. keys: the groups' addresses, and <see cref="SpanGroups"/> further on what will be read next, which is worth
    /// fetching ahead if <paramref name="fetch"/>; scores: [rows, SpanTokens].
    /// </summary>
    internal abstract void Score(void* queries, int rows, byte** keys, int groups, float* scores, bool fetch);

    /// <summary>Weights, new maxima and totals. weights: [rows, SpanTokens], 4 bytes an element reserved; corrections: [rows].</summary>
    internal abstract void Weigh(float* scores, int rows, int groups, RowStates states, float* corrections, void* weights);

    /// <summary>Corrected sums plus weighted values. values: as the keys of <see cref="Score"/>.</summary>
    internal abstract void Accumulate(void* weights, int rows, byte** values, int groups, float* corrections, RowStates states, bool fetch);

    /// <summary>Adds what a later part of the context came to: whole ← whole · 2^(m_w − m) + part · 2^(m_p − m), totals and sums.</summary>
    internal abstract void Merge(RowStates whole, RowStates part, int rows);

    /// <summary>y = sum / total. y: [rows, headDim].</summary>
    internal abstract void Divide(RowStates states, int rows, float* y);
}

/// <summary>What rows have come to so far: maximum, totals of sixteen lanes, and sums.</summary>
readonly unsafe struct RowStates(float* largest, float* totals, float* sums, int sumStride)
{
    /// <summary>[rows].</summary>
    internal float* Largest => largest;

    /// <summary>[rows, 16].</summary>
    internal float* Totals => totals;

    /// <summary>[rows, <see cref="SumStride"/>].</summary>
    internal float* Sums => sums;

    /// <summary>headDim in whole lanes.</summary>
    internal int SumStride => sumStride;

    /// <summary>Floats that so many rows take.</summary>
    internal static int Floats(int rows, int headDim) => rows * (KvLayout.GroupTokens + Stride(headDim)) + Stride(rows);

    /// <summary>States in memory of <see cref="Floats"/> floats.</summary>
    internal static RowStates In(float* memory, int rows, int headDim)
    {
        float* totals = memory + Stride(rows);
        return new RowStates(memory, totals, totals + (rows * KvLayout.GroupTokens), Stride(headDim));
    }

    /// <summary>The states from a row on.</summary>
    internal RowStates From(int row) => new(largest + row, totals + (row * KvLayout.GroupTokens), sums + ((long)row * sumStride), sumStride);

    /// <summary>Nothing seen yet.</summary>
    internal void Clear(int rows)
    {
        new Span<float>(largest, rows).Fill(SpanKernels.Nothing);
        new Span<float>(totals, rows * KvLayout.GroupTokens).Clear();
        new Span<float>(sums, rows * sumStride).Clear();
    }

    static int Stride(int elements) => (elements + 15) / 16 * 16;
}
