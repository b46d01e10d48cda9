using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal override void Load(float* x, int row, byte* memory)
    {
        byte* to = memory + (row * RowBytes);
        uint* last = stackalloc uint[16];
        int k = 0;
        for (; k <= K - 16; k += 16, to += 8 * PairBytes)
        {
            Store(Functions.NearestBFloat16(T.Load(x + k)), to);
        }

        if (k < K)
        {
            Store(Functions.NearestBFloat16(T.LoadFirst(x + k, K - k)), (byte*)last);
            Buffer.MemoryCopy(last, to, 64, (K - k + 1) / 2 * (long)PairBytes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Store(T rounded, byte* to)
    {
        T neighbours = T.SwapNeighbours(rounded);
        if (Widened)
        {
            T.Store(neighbours, to);
            return;
        }

        // In the even lanes both of a pair, of which every second lane is kept.
        uint* pairs = stackalloc uint[16];
        T.Store(T.Or(T.And(T.ShiftRightInts(rounded, 16), T.BroadcastInt(0xFFFF)), neighbours), pairs);
        for (int i = 0; i < 8; i++)
        {
            ((uint*)to)[i] = pairs[2 * i];
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
    const int StripPairs = 64;

    /// <summary>Panels that pass a strip of activations together.</summary>
    const int MostPanels = 8;

    const int LineBytes = 64;

    readonly int _pairs;
    readonly PairActivations<T> _activations;
    readonly bool _isWidened;
    readonly bool _inTiles;
    readonly delegate* unmanaged<PairArguments*, void>[]? _tiles; // by rows · MostPanels + panels

    /// <param name="library">Makes the code.</param>
    /// <param name="k">Elements of a row.</param>
    /// <param name="inTiles">Whether to add up in the order of the matrix unit: the written twin of <see cref="MatrixProduct"/>.</param>
    internal PairProduct(CodeLibrary library, int k, bool inTiles = false)
        : base(k, PairPanels.Layout)
    {
        (_pairs, _inTiles) = ((k + 1) / 2, inTiles);
        bool hasPairs = !inTiles && PairRates.PairsAreFaster(library);
        _isWidened = !inTiles && !hasPairs && library.Has(EmittedFeatures.Vnni);
        _activations = new PairActivations<T>(k, _isWidened);
        if (hasPairs || _isWidened)
        {
            _tiles = new delegate* unmanaged<PairArguments*, void>[(PairCode.MostRows + 1) * (PairCode.MostPanels + 1)];
            for (int rows = 1; rows <= PairCode.MostRows; rows++)
            {
                for (int panels = 1; panels <= PairCode.MostPanels; panels++)
                {
                    _tiles[(rows * PairCode.MostPanels) + panels] = (delegate* unmanaged<PairArguments*, void>)PairCode.Get(library, rows, panels, _isWidened).Entry;
                }
            }
        }
    }

    internal override string Name => _inTiles ? "BF16 tiles" : _tiles is null ? "BF16 pairs" : _isWidened ? "BF16 widened" : "BF16 vdpbf16ps";

    internal override Activations Activations => _activations;

    internal override long WorkerBytes => SumsBytes + (MostRows * (long)LineBytes);

    /// <summary>The sums of a call between its strips.</summary>
    static long SumsBytes => MostRows * (long)MostPanels * LineBytes;

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        int whole = Math.Min(panels, (weights.Count / PanelRows) - panel);
        Multiply(weights, panel, whole, rows, new Results(rows, (nint)y, yStride, InOrder: false), activations, scratch);
        if (whole < panels)
        {
            // The last panel lacks rows: all sixteen results go to another place first.
            Results bounced = new(rows, (nint)(scratch + SumsBytes), PanelRows, InOrder: true);
            Multiply(weights, panel + whole, 1, rows, bounced, activations, scratch);
            for (int i = 0; i < rows.Count; i++)
            {
                new ReadOnlySpan<float>(bounced[i], weights.Count % PanelRows).CopyTo(new Span<float>(y + (rows.YOf(i) * yStride) + (whole * PanelRows), weights.Count % PanelRows));
            }
        }
    }

    void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, Results results, byte* activations, byte* scratch)
    {
        if (_tiles is null)
        {
            for (int i = 0; i < panels; i++)
            {
                Portable(weights.Panel(panel + i), rows, results with { First = results.First + (i * LineBytes) }, activations);
            }

            return;
        }

        // One tile needs its weights once: there is no cache to stay in, and no sums to keep there.
        int tiles = (rows.Count + PairCode.MostRows - 1) / PairCode.MostRows;
        int step = tiles == 1 ? panels : MostPanels;
        for (int done = 0; done < panels; done += step)
        {
            Tiles(weights.Panel(panel + done), Math.Min(step, panels - done), tiles, rows, results with { First = results.First + (done * LineBytes) }, activations, scratch);
        }
    }

    /// <summary>Strip after strip, so that the activations of a strip stay in the second cache while the panels change.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Tiles(byte* panel, int panels, int tiles, RowList rows, Results results, byte* activations, byte* sums)
    {
        int stripPairs = tiles == 1 ? _pairs : StripPairs;
        PairArguments arguments = new() { PanelBytes = PanelBytes };
        for (int start = 0; start < _pairs; start += stripPairs)
        {
            arguments.Pairs = Math.Min(stripPairs, _pairs - start);
            arguments.Adds = start;

            // Rows of y are too far apart to stay in a cache, so sums do not go there before they are whole.
            bool isLast = start + stripPairs >= _pairs;
            int xBytes = _activations.PairBytes * (int)arguments.Pairs;
            for (int done = 0; done < panels; done += PairCode.MostPanels)
            {
                int count = Math.Min(PairCode.MostPanels, panels - done);
                arguments.Weights = panel + (done * PanelBytes) + ((long)start * LineBytes);
                for (int tile = 0, first = 0; tile < tiles; tile++)
                {
                    int high = (rows.Count - first + tiles - tile - 1) / (tiles - tile);
                    for (int i = 0; i < high; i++)
                    {
                        arguments.X[i] = (long)X(first + i, start);
                        arguments.Sums[i] = (long)(sums + ((((first + i) * MostPanels) + done) * LineBytes));
                        arguments.Y[i] = isLast ? (long)results[first + i] + (done * LineBytes) : arguments.Sums[i];
                    }

                    _tiles![(high * PairCode.MostPanels) + count](&arguments);
                    first += high;
                    if (tiles > 1)
                    {
                        Ahead(first, Math.Min(first + high, rows.Count), start, xBytes, isNear: true);
                        if (done + count == panels && !isLast)
                        {
                            Ahead(first - high, first, start + stripPairs, xBytes, isNear: false);
                        }
                    }
                }
            }
        }

        byte* X(int row, int pair) => activations + (rows.XOf(row) * _activations.RowBytes) + (_activations.PairBytes * pair);

        // What the next tile reads, or this tile's rows in the next strip, while the arithmetic goes on.
        void Ahead(int from, int to, int pair, int bytes, bool isNear)
        {
            for (int row = from; row < to; row++)
            {
                byte* at = X(row, pair);
                for (int i = 0; i < bytes; i += LineBytes)
                {
                    if (isNear)
                    {
                        Sse.Prefetch0(at + i);
                    }
                    else
                    {
                        Sse.Prefetch1(at + i);
                    }
                }
            }
        }
    }

    void Portable(byte* panel, RowList rows, Results results, byte* activations)
    {
        int i = 0;
        for (; _inTiles && i < rows.Count; i++)
        {
            OneInTiles(panel, X(0), results[i]);
        }

        for (; i <= rows.Count - 4; i += 4)
        {
            Four(panel, X(0), X(1), X(2), X(3), results[i], results[i + 1], results[i + 2], results[i + 3]);
        }

        for (; i < rows.Count; i++)
        {
            One(panel, X(0), results[i]);
        }

        int* X(int next) => (int*)(activations + (rows.XOf(i + next) * _activations.RowBytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void One(byte* panel, int* x, float* y)
    {
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000));
        T sum = T.Zero;
        for (int pair = 0; pair < _pairs; pair++)
        {
            T both = T.Load(panel + ((long)pair * LineBytes));
            sum = Add(T.And(both, upper), T.ShiftLeftInts(both, 16), x[pair], sum);
        }

        T.Store(sum, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void OneInTiles(byte* panel, int* x, float* y)
    {
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000));
        T sum = T.Zero;
        for (int start = 0; start < _pairs; start += MatrixUnit.MostRows)
        {
            (T evens, T odds) = (T.Zero, T.Zero);
            for (int pair = start; pair < start + MatrixUnit.MostRows; pair++)
            {
                T both = T.Load(panel + ((long)pair * LineBytes));
                evens = T.MultiplyAdd(T.ShiftLeftInts(both, 16), T.BroadcastInt(x[pair] << 16), evens);
                odds = T.MultiplyAdd(T.And(both, upper), T.BroadcastInt(x[pair] & unchecked((int)0xFFFF0000)), odds);
            }

            sum += evens + odds;
        }

        T.Store(sum, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Four(byte* panel, int* x0, int* x1, int* x2, int* x3, float* y0, float* y1, float* y2, float* y3)
    {
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000));
        (T sum0, T sum1, T sum2, T sum3) = (T.Zero, T.Zero, T.Zero, T.Zero);
        for (int pair = 0; pair < _pairs; pair++)
        {
            T both = T.Load(panel + ((long)pair * LineBytes));
            T odd = T.And(both, upper);
            T even = T.ShiftLeftInts(both, 16);
            sum0 = Add(odd, even, x0[pair], sum0);
            sum1 = Add(odd, even, x1[pair], sum1);
            sum2 = Add(odd, even, x2[pair], sum2);
            sum3 = Add(odd, even, x3[pair], sum3);
        }

        T.Store(sum0, y0);
        T.Store(sum1, y1);
        T.Store(sum2, y2);
        T.Store(sum3, y3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Add(T odd, T even, int pair, T sum)
    {
        sum = T.MultiplyAdd(odd, T.BroadcastInt(pair & unchecked((int)0xFFFF0000)), sum);
        return T.MultiplyAdd(even, T.BroadcastInt(pair << 16), sum);
    }
}
