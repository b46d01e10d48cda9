using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// Rows rounded to BF16, to nearest with halves to even, two elements in each 32 bits, the even one below; an odd last
/// one has a zero beside it. NaN stays NaN.
/// </summary>
sealed unsafe record PairActivations(int K) : Activations(K)
{
    internal override long RowBytes => Scratch.Lines((K + 1) / 2 * 4L) + 64;

    internal override void Load(float* x, int row, byte* memory)
    {
        ushort* to = (ushort*)(memory + (row * RowBytes));
        for (int i = 0; i < K; i++)
        {
            to[i] = Round(x[i]);
        }

        if (K % 2 != 0)
        {
            to[K] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (bits & 0x7FFFFFFF) > 0x7F800000 ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

/// <summary>
/// The product of activations rounded to BF16 and a BF16 weight. Panels are [k / 2, 16, 2]. The one order, that of the
/// vdpbf16ps instruction: each result is one accumulator, to which for each pair in rising k the product of the odd
/// elements and then that of the even ones are added, each with one fused multiply-add. The instruction takes
/// denormals, of weights, activations and sums, for zero; the code without it does not.
/// </summary>
sealed unsafe class PairProduct<T> : PanelProduct
    where T : struct, ILanes<T>
{
    const int StripPairs = 64;
    const int Lanes = 16;
    const int LineBytes = 64;

    readonly int _k;
    readonly int _pairs;
    readonly PairActivations _activations;
    readonly delegate* unmanaged<PairArguments*, void>[]? _tiles; // by rows · MostPanels + panels

    internal PairProduct(CodeLibrary library, int k)
    {
        (_k, _pairs) = (k, (k + 1) / 2);
        _activations = new PairActivations(k);
        if (library.Has(EmittedFeatures.BFloat16))
        {
            _tiles = new delegate* unmanaged<PairArguments*, void>[(PairCode.MostRows + 1) * (PairCode.MostPanels + 1)];
            for (int rows = 1; rows <= PairCode.MostRows; rows++)
            {
                for (int panels = 1; panels <= PairCode.MostPanels; panels++)
                {
                    _tiles[(rows * PairCode.MostPanels) + panels] = (delegate* unmanaged<PairArguments*, void>)PairCode.Get(library, rows, panels).Entry;
                }
            }
        }
    }

    internal override string Name => _tiles is null ? "BF16 pairs" : "BF16 vdpbf16ps";

    internal override Activations Activations => _activations;

    internal override string Packing => "BF16 × 16";

    internal override long PanelBytes => (long)_pairs * LineBytes;

    internal override long WorkerBytes => MostRows * (long)PairCode.MostPanels * LineBytes;

    internal override void Pack(byte* rows, long rowBytes, int count, byte* panel)
    {
        for (int pair = 0; pair < _pairs; pair++)
        {
            ushort* line = (ushort*)(panel + ((long)pair * LineBytes));
            for (int row = 0; row < PanelRows; row++)
            {
                ushort* from = (ushort*)(rows + (row * rowBytes)) + (2 * pair);
                line[2 * row] = row < count ? from[0] : (ushort)0;
                line[(2 * row) + 1] = row < count && (2 * pair) + 1 < _k ? from[1] : (ushort)0;
            }
        }
    }

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        for (int done = 0; done < panels;)
        {
            int count = Math.Min(_tiles is null ? 1 : PairCode.MostPanels, panels - done);
            int columns = Math.Min(count * PanelRows, weights.Count - ((panel + done) * PanelRows));
            float* to = y + (done * PanelRows);

            // Where the last panel lacks rows, all sixteen results go to another place first.
            bool whole = columns == count * PanelRows;
            Results results = whole ? new Results(rows, (nint)to, yStride, InOrder: false) : new Results(rows, (nint)scratch, count * Lanes, InOrder: true);
            if (_tiles is null)
            {
                Portable(weights.Panel(panel + done), rows, results, activations);
            }
            else
            {
                Tiles(weights.Panel(panel + done), count, rows, results, activations);
            }

            for (int i = 0; i < rows.Count && !whole; i++)
            {
                new ReadOnlySpan<float>(results[i], columns).CopyTo(new Span<float>(to + (rows.YOf(i) * yStride), columns));
            }

            done += count;
        }
    }

    void Tiles(byte* panel, int panels, RowList rows, Results results, byte* activations)
    {
        int tiles = (rows.Count + PairCode.MostRows - 1) / PairCode.MostRows;

        // One tile needs its weights once: there is no cache to stay in.
        int stripPairs = tiles == 1 ? _pairs : StripPairs;
        PairArguments arguments = new() { PanelBytes = PanelBytes };
        for (int start = 0; start < _pairs; start += stripPairs)
        {
            arguments.Weights = panel + ((long)start * LineBytes);
            arguments.Pairs = Math.Min(stripPairs, _pairs - start);
            arguments.Adds = start;
            for (int tile = 0, first = 0; tile < tiles; tile++)
            {
                int count = (rows.Count - first + tiles - tile - 1) / (tiles - tile);
                for (int i = 0; i < count; i++)
                {
                    arguments.X[i] = (long)(activations + (rows.XOf(first + i) * _activations.RowBytes) + (4 * start));
                    arguments.Y[i] = (long)results[first + i];
                }

                _tiles![(count * PairCode.MostPanels) + panels](&arguments);
                first += count;
            }
        }
    }

    void Portable(byte* panel, RowList rows, Results results, byte* activations)
    {
        int i = 0;
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
