using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>How sixteen weights are read as float32.</summary>
unsafe interface IFloatWeights<T>
    where T : struct, ILanes<T>
{
    static abstract int ElementBytes { get; }

    static abstract T Load(byte* row, int k);
}

/// <summary>
/// The product in float32. The one order: lane j sums the products of k = j, j + 16, j + 32, … in rising k with one
/// fused multiply-add each; then the lanes are summed by <see cref="ILanes{T}.Sum"/>. With TWeights the weights are
/// read where they lie when there are few rows; for many rows, and for formats that have no TWeights (exact
/// arithmetic with quantised ones), four weight rows at a time are first written out as float32.
/// </summary>
sealed unsafe class FloatProduct<T, TWeights>(BlockFormat format, int k, bool direct) : PanelProduct
    where T : struct, ILanes<T>
    where TWeights : struct, IFloatWeights<T>
{
    const int WeightTile = 4;

    // From here on writing the weights out costs less than converting them for every tile of rows.
    const int FewRows = 8;

    readonly int _rowFloats = (k + 15) / 16 * 16;

    internal override string Name => $"{format.Format} float";

    internal override long WorkerBytes => direct && format.Format == TensorFormat.F32 ? 0 : (long)WeightTile * _rowFloats * sizeof(float);

    internal override long SharedBytes(int rows) => sizeof(float*);

    internal override void Load(float* x, int rows, byte* shared, WorkerPool pool) => *(float**)shared = x;

    internal override void Multiply(WeightRows weights, int panel, RowList rows, float* y, byte* shared, byte* scratch)
    {
        float* x = *(float**)shared;
        int end = Math.Min(weights.Count, (panel + 1) * PanelRows);
        for (int n = panel * PanelRows; n < end; n += WeightTile)
        {
            int count = Math.Min(WeightTile, end - n);
            if (direct && (format.Format == TensorFormat.F32 || rows.Count < FewRows))
            {
                Rows<TWeights>(weights[n], weights[n + 1], weights[n + 2], weights[n + 3], count, x, rows, y + n, weights.Count);
                continue;
            }

            float* values = (float*)scratch;
            for (int i = 0; i < count; i++)
            {
                format.Dequantize(new ReadOnlySpan<byte>(weights[n + i], (int)weights.RowBytes), new Span<float>(values + ((long)i * _rowFloats), k));
            }

            byte* Row(int i) => (byte*)(values + ((long)Math.Min(i, count - 1) * _rowFloats));
            Rows<F32Weights<T>>(Row(0), Row(1), Row(2), Row(3), count, x, rows, y + n, weights.Count);
        }
    }

    void Rows<TRead>(byte* w0, byte* w1, byte* w2, byte* w3, int count, float* x, RowList rows, float* y, int n)
        where TRead : struct, IFloatWeights<T>
    {
        float* sums = stackalloc float[4 * WeightTile];
        int i = 0;
        for (; i <= rows.Count - 4; i += 4)
        {
            Tile<TRead>(w0, w1, w2, w3, Of(i), Of(i + 1), Of(i + 2), Of(i + 3), sums);
            for (int row = 0; row < 4; row++)
            {
                new ReadOnlySpan<float>(sums + (row * WeightTile), count).CopyTo(new Span<float>(y + ((long)rows.YOf(i + row) * n), count));
            }
        }

        for (; i < rows.Count; i++)
        {
            Tile<TRead>(w0, w1, w2, w3, Of(i), sums);
            new ReadOnlySpan<float>(sums, count).CopyTo(new Span<float>(y + ((long)rows.YOf(i) * n), count));
        }

        float* Of(int row) => x + ((long)rows.XOf(row) * k);
    }

    /// <summary>Four weight rows and one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Tile<TRead>(byte* w0, byte* w1, byte* w2, byte* w3, float* x, float* sums)
        where TRead : struct, IFloatWeights<T>
    {
        (T a, T b, T c, T d) = (T.Zero, T.Zero, T.Zero, T.Zero);
        int i = 0;
        for (; i <= k - ILanes<T>.Count; i += ILanes<T>.Count)
        {
            T part = T.Load(x + i);
            a = T.MultiplyAdd(TRead.Load(w0, i), part, a);
            b = T.MultiplyAdd(TRead.Load(w1, i), part, b);
            c = T.MultiplyAdd(TRead.Load(w2, i), part, c);
            d = T.MultiplyAdd(TRead.Load(w3, i), part, d);
        }

        if (i < k)
        {
            T part = T.LoadFirst(x + i, k - i);
            a = T.MultiplyAdd(LoadFirst<TRead>(w0, i), part, a);
            b = T.MultiplyAdd(LoadFirst<TRead>(w1, i), part, b);
            c = T.MultiplyAdd(LoadFirst<TRead>(w2, i), part, c);
            d = T.MultiplyAdd(LoadFirst<TRead>(w3, i), part, d);
        }

        (sums[0], sums[1], sums[2], sums[3]) = (T.Sum(a), T.Sum(b), T.Sum(c), T.Sum(d));
    }

    /// <summary>Four weight rows and four rows: sixteen sums in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Tile<TRead>(byte* w0, byte* w1, byte* w2, byte* w3, float* x0, float* x1, float* x2, float* x3, float* sums)
        where TRead : struct, IFloatWeights<T>
    {
        (T a0, T b0, T c0, T d0) = (T.Zero, T.Zero, T.Zero, T.Zero);
        (T a1, T b1, T c1, T d1) = (T.Zero, T.Zero, T.Zero, T.Zero);
        (T a2, T b2, T c2, T d2) = (T.Zero, T.Zero, T.Zero, T.Zero);
        (T a3, T b3, T c3, T d3) = (T.Zero, T.Zero, T.Zero, T.Zero);
        for (int i = 0; i < k; i += ILanes<T>.Count)
        {
            T a, b, c, d, p0, p1, p2, p3;
            if (i <= k - ILanes<T>.Count)
            {
                (a, b, c, d) = (TRead.Load(w0, i), TRead.Load(w1, i), TRead.Load(w2, i), TRead.Load(w3, i));
                (p0, p1, p2, p3) = (T.Load(x0 + i), T.Load(x1 + i), T.Load(x2 + i), T.Load(x3 + i));
            }
            else
            {
                (a, b, c, d) = (LoadFirst<TRead>(w0, i), LoadFirst<TRead>(w1, i), LoadFirst<TRead>(w2, i), LoadFirst<TRead>(w3, i));
                (p0, p1, p2, p3) = (T.LoadFirst(x0 + i, k - i), T.LoadFirst(x1 + i, k - i), T.LoadFirst(x2 + i, k - i), T.LoadFirst(x3 + i, k - i));
            }

            a0 = T.MultiplyAdd(a, p0, a0);
            b0 = T.MultiplyAdd(b, p0, b0);
            c0 = T.MultiplyAdd(c, p0, c0);
            d0 = T.MultiplyAdd(d, p0, d0);
            a1 = T.MultiplyAdd(a, p1, a1);
            b1 = T.MultiplyAdd(b, p1, b1);
            c1 = T.MultiplyAdd(c, p1, c1);
            d1 = T.MultiplyAdd(d, p1, d1);
            a2 = T.MultiplyAdd(a, p2, a2);
            b2 = T.MultiplyAdd(b, p2, b2);
            c2 = T.MultiplyAdd(c, p2, c2);
            d2 = T.MultiplyAdd(d, p2, d2);
            a3 = T.MultiplyAdd(a, p3, a3);
            b3 = T.MultiplyAdd(b, p3, b3);
            c3 = T.MultiplyAdd(c, p3, c3);
            d3 = T.MultiplyAdd(d, p3, d3);
        }

        (sums[0], sums[1], sums[2], sums[3]) = (T.Sum(a0), T.Sum(b0), T.Sum(c0), T.Sum(d0));
        (sums[4], sums[5], sums[6], sums[7]) = (T.Sum(a1), T.Sum(b1), T.Sum(c1), T.Sum(d1));
        (sums[8], sums[9], sums[10], sums[11]) = (T.Sum(a2), T.Sum(b2), T.Sum(c2), T.Sum(d2));
        (sums[12], sums[13], sums[14], sums[15]) = (T.Sum(a3), T.Sum(b3), T.Sum(c3), T.Sum(d3));
    }

    /// <summary>The last elements of a row, zeros behind them.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    T LoadFirst<TRead>(byte* row, int i)
        where TRead : struct, IFloatWeights<T>
    {
        byte* copy = stackalloc byte[64];
        new Span<byte>(copy, 64).Clear();
        int bytes = (k - i) * TRead.ElementBytes;
        new ReadOnlySpan<byte>(row + ((long)i * TRead.ElementBytes), bytes).CopyTo(new Span<byte>(copy, 64));
        return TRead.Load(copy, 0);
    }
}

readonly unsafe struct F32Weights<T> : IFloatWeights<T>
    where T : struct, ILanes<T>
{
    public static int ElementBytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load(byte* row, int k) => T.Load((float*)row + k);
}

readonly unsafe struct BF16Weights<T> : IFloatWeights<T>
    where T : struct, ILanes<T>
{
    public static int ElementBytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load(byte* row, int k) => T.ShiftLeftInts(T.LoadHalves((ushort*)row + k), 16);
}

readonly unsafe struct F16Weights<T> : IFloatWeights<T>
    where T : struct, ILanes<T>
{
    public static int ElementBytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load(byte* row, int k) => Functions.HalvesToFloats(T.LoadHalves((ushort*)row + k));
}
