using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// Rows rounded to BF16, to nearest with halves to even; an odd last element has a zero beside it. NaN stays NaN. Two elements in
/// each 32 bits, the even one below; or <paramref name="Widened"/> to float32, each odd one before its even neighbour.
/// </summary>
sealed unsafe record PairActivations<T>(int K, bool Widened) : Activations(K)
    where T : struct, ILanes<T>
{
    /// <summary>Bytes of a pair.</summary>
    internal int PairBytes => Widened ? 8 : 4;

    internal override long RowBytes => Scratch.Lines((K + 1) / 2 * (long)PairBytes) + 64;

    [MethodImpl(Jit.Loop)]
    internal override void Load(float* x, int row, int start, int count, byte* memory)
    {
        byte* to = memory + (row * RowBytes) + (start / 2 * PairBytes);
        int i = 0;
        for (; i <= count - 16; i += 16, to += 8 * PairBytes)
        {
            Store(Functions.NearestBFloat16(T.Load(x + i)), to);
        }

        if (i < count)
        {
            byte* last = stackalloc byte[16 * sizeof(float)];
            Store(Functions.NearestBFloat16(T.LoadFirst(x + i, count - i)), last);
            Buffer.MemoryCopy(last, to, 16 * sizeof(float), (count - i + 1) / 2 * (long)PairBytes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Store(T rounded, byte* to)
    {
        if (Widened)
        {
            T.Store(T.SwapNeighbours(rounded), to);
        }
        else
        {
            T.StoreUpperHalves(rounded, (ushort*)to);
        }
    }
}

/// <summary>
/// The product of activations rounded to BF16 and a BF16 weight. Panels are [k / 2, 16, 2]. The one order, that of the
/// vdpbf16ps instruction: each result is one accumulator, to which for each pair in rising k the product of the odd
/// elements and then that of the even ones are added, each with one fused multiply-add. Where the instruction is slower than
/// these multiply-adds, they are done. It takes denormals, of weights, activations and sums, for zero; the code without it does not.
/// </summary>
sealed unsafe class PairProduct<T> : PanelProduct
    where T : struct, ILanes<T>
{
    const int LineBytes = PanelFormat.LineBytes;

    const int TileRows = 4;

    /// <summary>Rows that pass some panels together, and pairs of a strip: their activations and sums stay in the second cache.</summary>
    const int PassRows = 128;

    const int StripPairs = 128;

    readonly int _pairs;
    readonly PairActivations<T> _activations;
    readonly bool _inTiles;
    readonly FloatLine _kind;
    readonly FloatTiles? _tiles;

    /// <param name="library">Makes the code.</param>
    /// <param name="k">Elements of a row.</param>
    /// <param name="inTiles">Whether to add up in the order of the matrix unit: the written twin of <see cref="MatrixProduct"/>.</param>
    internal PairProduct(CodeLibrary library, int k, bool inTiles = false)
        : base(k, PairPanels.Layout)
    {
        (_pairs, _inTiles) = ((k + 1) / 2, inTiles);
        bool hasPairs = !inTiles && PairRates.PairsAreFaster(library);
        bool isEmitted = hasPairs || (!inTiles && library.Has(EmittedFeatures.Vnni));
        _kind = hasPairs ? FloatLine.Pairs : FloatLine.WidenedPairs;
        _activations = new PairActivations<T>(k, _kind == FloatLine.WidenedPairs);
        _tiles = isEmitted ? new FloatTiles(library, _kind, _pairs, _activations.RowBytes) : null;
    }

    internal override string Name => _inTiles ? "BF16 tiles" : _tiles is null ? "BF16 pairs" : FloatTileCode.NameOf(_kind);

    internal override Activations Activations => _activations;

    internal override long WorkerBytes => _tiles is null ? PackedWeights.GroupPanels * PassRows * PanelRows * sizeof(float) : FloatTiles.WorkerBytes;

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        if (_tiles is not null)
        {
            _tiles.Multiply(weights, panel, panels, rows, y, yStride, activations, scratch);
            return;
        }

        for (int done = 0; done < panels; done += PackedWeights.GroupPanels)
        {
            int count = Math.Min(PackedWeights.GroupPanels, panels - done);
            for (int start = 0; start < rows.Count; start += PassRows)
            {
                Portable(weights, panel + done, count, rows.Slice(start, Math.Min(PassRows, rows.Count - start)), y + (done * PanelRows), yStride, activations, (float*)scratch);
            }
        }
    }

    /// <summary>Strip after strip of k, so that activations and sums stay in the second cache and a strip of a panel in the first; one tile of rows takes a panel as it lies.</summary>
    void Portable(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, float* sums)
    {
        int stride = rows.Count * PanelRows;
        new Span<float>(sums, panels * stride).Clear();
        int strip = rows.Count <= TileRows || _inTiles ? _pairs : StripPairs;
        for (int start = 0; start < _pairs; start += strip)
        {
            int pairs = Math.Min(strip, _pairs - start);
            for (int i = 0; i < panels; i++)
            {
                byte* lines = weights.Panel(panel + i) + ((long)start * LineBytes);
                float* to = sums + (i * stride);
                int row = 0;
                for (; !_inTiles && row <= rows.Count - TileRows; row += TileRows)
                {
                    Four(lines, pairs, X(row), X(row + 1), X(row + 2), X(row + 3), to + (row * PanelRows));
                }

                for (; row < rows.Count; row++)
                {
                    if (_inTiles)
                    {
                        OneInTiles(lines, pairs, X(row), to + (row * PanelRows));
                    }
                    else
                    {
                        One(lines, pairs, X(row), to + (row * PanelRows));
                    }
                }
            }

            float* X(int row) => (float*)(activations + (rows.XOf(row) * _activations.RowBytes)) + (2 * start);
        }

        for (int i = 0; i < panels; i++)
        {
            int columns = weights.RowsOf(panel + i);
            for (int row = 0; row < rows.Count; row++)
            {
                T.StoreFirst(T.Load(sums + (i * stride) + (row * PanelRows)), y + (rows.YOf(row) * yStride) + (i * PanelRows), columns);
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    static void One(byte* lines, int pairs, float* x, float* sums)
    {
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000));
        T sum = T.Load(sums);
        for (int pair = 0; pair < pairs; pair++)
        {
            T both = T.Load(lines + ((long)pair * LineBytes));
            sum = Add(T.And(both, upper), T.ShiftLeftInts(both, 16), x + (2 * pair), sum);
        }

        T.Store(sum, sums);
    }

    [MethodImpl(Jit.Loop)]
    static void OneInTiles(byte* lines, int pairs, float* x, float* sums)
    {
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000));
        T sum = T.Load(sums);
        for (int start = 0; start < pairs; start += MatrixUnit.MostRows)
        {
            (T evens, T odds) = (T.Zero, T.Zero);
            for (int pair = start; pair < start + MatrixUnit.MostRows; pair++)
            {
                T both = T.Load(lines + ((long)pair * LineBytes));
                evens = T.MultiplyAdd(T.ShiftLeftInts(both, 16), T.Broadcast(x[(2 * pair) + 1]), evens);
                odds = T.MultiplyAdd(T.And(both, upper), T.Broadcast(x[2 * pair]), odds);
            }

            sum += evens + odds;
        }

        T.Store(sum, sums);
    }

    [MethodImpl(Jit.Loop)]
    static void Four(byte* lines, int pairs, float* x0, float* x1, float* x2, float* x3, float* sums)
    {
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000));
        (T sum0, T sum1, T sum2, T sum3) = (T.Load(sums), T.Load(sums + PanelRows), T.Load(sums + (2 * PanelRows)), T.Load(sums + (3 * PanelRows)));
        for (int pair = 0; pair < pairs; pair++)
        {
            T both = T.Load(lines + ((long)pair * LineBytes));
            T odd = T.And(both, upper);
            T even = T.ShiftLeftInts(both, 16);
            sum0 = Add(odd, even, x0 + (2 * pair), sum0);
            sum1 = Add(odd, even, x1 + (2 * pair), sum1);
            sum2 = Add(odd, even, x2 + (2 * pair), sum2);
            sum3 = Add(odd, even, x3 + (2 * pair), sum3);
        }

        T.Store(sum0, sums);
        T.Store(sum1, sums + PanelRows);
        T.Store(sum2, sums + (2 * PanelRows));
        T.Store(sum3, sums + (3 * PanelRows));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Add(T odd, T even, float* x, T sum)
    {
        sum = T.MultiplyAdd(odd, T.Broadcast(x[0]), sum);
        return T.MultiplyAdd(even, T.Broadcast(x[1]), sum);
    }
}
