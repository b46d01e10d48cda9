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
/// arithmetic with quantised ones), a panel is first written out as float32.
/// </summary>
sealed unsafe class FloatProduct<T, TWeights>(BlockFormat format, int k, bool direct) : PanelProduct
    where T : struct, ILanes<T>
    where TWeights : struct, IFloatWeights<T>
{
    const int Tile = 4;
    const int LaneFloats = 16;

    // From here on writing the weights out costs less than converting them for every tile of rows.
    const int FewRows = 8;

    readonly int _rowFloats = (k + LaneFloats - 1) / LaneFloats * LaneFloats;

    internal override string Name => $"{format.Format} float";

    internal override long WorkerBytes => direct && format.Format == TensorFormat.F32 ? 0 : (long)PanelRows * _rowFloats * sizeof(float);

    internal override long SharedBytes(int rows) => sizeof(float*);

    internal override void Load(float* x, int rows, byte* shared, WorkerPool pool) => *(float**)shared = x;

    internal override void Multiply(WeightRows weights, int panel, RowList rows, float* y, byte* shared, byte* scratch)
    {
        int first = panel * PanelRows;
        int count = Math.Min(PanelRows, weights.Count - first);
        float* x = *(float**)shared;
        if (direct && (format.Format == TensorFormat.F32 || rows.Count < FewRows))
        {
            WeightRows panelRows = new((nint)weights[first], weights.RowBytes, count);
            Panel<TWeights>(panelRows, x, rows, y + first, weights.Count);
            return;
        }

        float* values = (float*)scratch;
        for (int i = 0; i < count; i++)
        {
            format.Dequantize(new ReadOnlySpan<byte>(weights[first + i], (int)weights.RowBytes), new Span<float>(values + ((long)i * _rowFloats), k));
        }

        Panel<F32Weights<T>>(new WeightRows((nint)values, _rowFloats * sizeof(float), count), x, rows, y + first, weights.Count);
    }

    /// <summary>Tiles of four weight rows and four rows, or one; the rows stay in the cache while the weight rows change.</summary>
    void Panel<TRead>(WeightRows weights, float* x, RowList rows, float* y, int n)
        where TRead : struct, IFloatWeights<T>
    {
        byte** w = stackalloc byte*[Tile];
        float** xs = stackalloc float*[Tile];
        float* sums = stackalloc float[Tile * Tile * LaneFloats];
        float** tailRows = stackalloc float*[2 * Tile];
        float* tails = stackalloc float[2 * Tile * LaneFloats];
        int whole = k / LaneFloats * LaneFloats;
        int tileRows;
        for (int i = 0; i < rows.Count; i += tileRows)
        {
            tileRows = rows.Count - i >= Tile ? Tile : 1;
            for (int row = 0; row < tileRows; row++)
            {
                xs[row] = x + ((long)rows.XOf(i + row) * k);
            }

            for (int column = 0; column < weights.Count; column += Tile)
            {
                for (int j = 0; j < Tile; j++)
                {
                    w[j] = weights[column + j];
                }

                new Span<float>(sums, tileRows * Tile * LaneFloats).Clear();
                Add<TRead>(w, xs, tileRows, whole, sums);
                if (whole < k)
                {
                    Tails<TRead>(w, xs, tileRows, whole, tails, tailRows);
                    Add<TRead>((byte**)tailRows, tailRows + Tile, tileRows, LaneFloats, sums);
                }

                for (int row = 0; row < tileRows; row++)
                {
                    float* to = y + ((long)rows.YOf(i + row) * n) + column;
                    for (int j = 0; j < Math.Min(Tile, weights.Count - column); j++)
                    {
                        to[j] = T.Sum(T.Load(sums + (((row * Tile) + j) * LaneFloats)));
                    }
                }
            }
        }
    }

    static void Add<TRead>(byte** w, float** xs, int rows, int count, float* sums)
        where TRead : struct, IFloatWeights<T>
    {
        if (rows == Tile)
        {
            Four<TRead>(w, xs, count, sums);
        }
        else
        {
            One<TRead>(w, xs[0], count, sums);
        }
    }

    /// <summary>Four weight rows and one row, added to the sums of the lanes, [4, 16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void One<TRead>(byte** w, float* x, int count, float* sums)
        where TRead : struct, IFloatWeights<T>
    {
        byte* w0 = w[0];
        byte* w1 = w[1];
        byte* w2 = w[2];
        byte* w3 = w[3];
        T a = T.Load(sums);
        T b = T.Load(sums + LaneFloats);
        T c = T.Load(sums + (2 * LaneFloats));
        T d = T.Load(sums + (3 * LaneFloats));
        for (int i = 0; i < count; i += LaneFloats)
        {
            T part = T.Load(x + i);
            a = T.MultiplyAdd(TRead.Load(w0, i), part, a);
            b = T.MultiplyAdd(TRead.Load(w1, i), part, b);
            c = T.MultiplyAdd(TRead.Load(w2, i), part, c);
            d = T.MultiplyAdd(TRead.Load(w3, i), part, d);
        }

        T.Store(a, sums);
        T.Store(b, sums + LaneFloats);
        T.Store(c, sums + (2 * LaneFloats));
        T.Store(d, sums + (3 * LaneFloats));
    }

    /// <summary>Four weight rows and four rows, added to the sums of the lanes, [4 rows, 4 weight rows, 16], which stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Four<TRead>(byte** w, float** xs, int count, float* sums)
        where TRead : struct, IFloatWeights<T>
    {
        byte* w0 = w[0];
        byte* w1 = w[1];
        byte* w2 = w[2];
        byte* w3 = w[3];
        float* x0 = xs[0];
        float* x1 = xs[1];
        float* x2 = xs[2];
        float* x3 = xs[3];
        T a0 = T.Load(sums);
        T b0 = T.Load(sums + LaneFloats);
        T c0 = T.Load(sums + (2 * LaneFloats));
        T d0 = T.Load(sums + (3 * LaneFloats));
        T a1 = T.Load(sums + (4 * LaneFloats));
        T b1 = T.Load(sums + (5 * LaneFloats));
        T c1 = T.Load(sums + (6 * LaneFloats));
        T d1 = T.Load(sums + (7 * LaneFloats));
        T a2 = T.Load(sums + (8 * LaneFloats));
        T b2 = T.Load(sums + (9 * LaneFloats));
        T c2 = T.Load(sums + (10 * LaneFloats));
        T d2 = T.Load(sums + (11 * LaneFloats));
        T a3 = T.Load(sums + (12 * LaneFloats));
        T b3 = T.Load(sums + (13 * LaneFloats));
        T c3 = T.Load(sums + (14 * LaneFloats));
        T d3 = T.Load(sums + (15 * LaneFloats));
        for (int i = 0; i < count; i += LaneFloats)
        {
            T a = TRead.Load(w0, i);
            T b = TRead.Load(w1, i);
            T c = TRead.Load(w2, i);
            T d = TRead.Load(w3, i);
            T x = T.Load(x0 + i);
            a0 = T.MultiplyAdd(a, x, a0);
            b0 = T.MultiplyAdd(b, x, b0);
            c0 = T.MultiplyAdd(c, x, c0);
            d0 = T.MultiplyAdd(d, x, d0);
            x = T.Load(x1 + i);
            a1 = T.MultiplyAdd(a, x, a1);
            b1 = T.MultiplyAdd(b, x, b1);
            c1 = T.MultiplyAdd(c, x, c1);
            d1 = T.MultiplyAdd(d, x, d1);
            x = T.Load(x2 + i);
            a2 = T.MultiplyAdd(a, x, a2);
            b2 = T.MultiplyAdd(b, x, b2);
            c2 = T.MultiplyAdd(c, x, c2);
            d2 = T.MultiplyAdd(d, x, d2);
            x = T.Load(x3 + i);
            a3 = T.MultiplyAdd(a, x, a3);
            b3 = T.MultiplyAdd(b, x, b3);
            c3 = T.MultiplyAdd(c, x, c3);
            d3 = T.MultiplyAdd(d, x, d3);
        }

        T.Store(a0, sums);
        T.Store(b0, sums + LaneFloats);
        T.Store(c0, sums + (2 * LaneFloats));
        T.Store(d0, sums + (3 * LaneFloats));
        T.Store(a1, sums + (4 * LaneFloats));
        T.Store(b1, sums + (5 * LaneFloats));
        T.Store(c1, sums + (6 * LaneFloats));
        T.Store(d1, sums + (7 * LaneFloats));
        T.Store(a2, sums + (8 * LaneFloats));
        T.Store(b2, sums + (9 * LaneFloats));
        T.Store(c2, sums + (10 * LaneFloats));
        T.Store(d2, sums + (11 * LaneFloats));
        T.Store(a3, sums + (12 * LaneFloats));
        T.Store(b3, sums + (13 * LaneFloats));
        T.Store(c3, sums + (14 * LaneFloats));
        T.Store(d3, sums + (15 * LaneFloats));
    }

    /// <summary>
    /// What is behind the last whole lanes of four weight rows and of the rows, with zeros after it, 64 bytes for each,
    /// and pointers to it. A product with 0 changes no sum.
    /// </summary>
    void Tails<TRead>(byte** w, float** xs, int rows, int whole, float* tails, float** tailRows)
        where TRead : struct, IFloatWeights<T>
    {
        new Span<float>(tails, 2 * Tile * LaneFloats).Clear();
        for (int i = 0; i < 2 * Tile; i++)
        {
            tailRows[i] = tails + (i * LaneFloats);
        }

        for (int i = 0; i < Tile; i++)
        {
            ReadOnlySpan<byte> weight = new(w[i] + ((long)whole * TRead.ElementBytes), (k - whole) * TRead.ElementBytes);
            weight.CopyTo(new Span<byte>(tailRows[i], LaneFloats * sizeof(float)));
        }

        for (int i = 0; i < rows; i++)
        {
            new ReadOnlySpan<float>(xs[i] + whole, k - whole).CopyTo(new Span<float>(tailRows[Tile + i], LaneFloats));
        }
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
