using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// The product of int8 activations and a quantised weight with emitted code. Few rows unpack the weights in registers as they come from
/// memory (<see cref="RowsCode"/>); more rows share a strip of unpacked weights in the first cache, and are multiplied with 512-bit
/// vpdpbusd (<see cref="VectorTiles"/>) or, where there is a matrix unit and they are many, by that (<see cref="MatrixTiles"/>).
/// </summary>
sealed unsafe class EmittedProduct : PanelProduct
{
    const int LaneFloats = 16;

    /// <summary>The most rows for which panels that tiles could take as they are go through <see cref="RowsCode"/> all the same: with more, two panels that share a load of activations gain.</summary>
    const int MostRowsOfPacked = 5;

    readonly PanelFormat _format;
    readonly int _fewRows;
    readonly RoundedActivations<Lanes512> _activations;
    readonly delegate* unmanaged[SuppressGCTransition]<RowsArguments*, void>[] _rows; // by number of rows; a call takes a few microseconds, so the collector may wait for it
    readonly VectorTiles _vectors;
    readonly MatrixTiles? _matrix;

    internal EmittedProduct(CodeLibrary library, TensorFormat format, int k)
        : base(k, PanelFormat.Of(format))
    {
        _format = PanelFormat.Of(format);
        _fewRows = StripShape.Of(_format).Packed ? MostRowsOfPacked : library.PassesInRegisters * RowsCode.MostRows;
        _activations = new RoundedActivations<Lanes512>(k, Wide: false);
        _rows = new delegate* unmanaged[SuppressGCTransition]<RowsArguments*, void>[RowsCode.MostRows + 1];
        for (int rows = 1; rows <= Math.Min(_fewRows, RowsCode.MostRows); rows++)
        {
            _rows[rows] = (delegate* unmanaged[SuppressGCTransition]<RowsArguments*, void>)RowsCode.Get(library, _format, rows).Entry;
        }

        _vectors = new VectorTiles(library, _format, k, _activations.RowBytes);
        _matrix = library.Has(EmittedFeatures.Matrix) ? new MatrixTiles(library, _format, k, _activations.RowBytes) : null;
    }

    internal override string Name => $"{_format.Format} {(_matrix is null ? "vnni" : "vnni/amx")}";

    internal override Activations Activations => _activations;

    internal override long WorkerBytes => StripTiles.PairBytes + (2 * PointerBytes) + Math.Max(_vectors.WorkerBytes, _matrix?.WorkerBytes ?? 0);

    static long PointerBytes => MostRows * sizeof(long);

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        Results results = new(rows, (nint)y, yStride, InOrder: false);
        Results bounced = new(rows, (nint)scratch, TileCode.Panels * LaneFloats, InOrder: true);
        int whole = Math.Min(panels, (weights.Count / PanelRows) - panel);
        bool few = rows.Count <= _fewRows;
        int direct = few ? whole : whole / TileCode.Panels * TileCode.Panels;
        if (direct > 0)
        {
            // Where there are many panels, some at a time, so that their sums stay in the second cache.
            int step = few ? direct : StripTiles.MostPanels;
            for (int done = 0; done < direct; done += step)
            {
                Results part = results with { First = (nint)(y + (done * PanelRows)) };
                Multiply(weights, panel + done, Math.Min(step, direct - done), rows, part, activations, scratch);
            }
        }

        if (direct < panels)
        {
            // What is left is one panel or two, of which the last may lack rows: all of them go to another place first.
            Multiply(weights, panel + direct, panels - direct, rows, bounced, activations, scratch);
            int columns = Math.Min((panels - direct) * PanelRows, weights.Count - ((panel + direct) * PanelRows));
            for (int i = 0; i < rows.Count; i++)
            {
                new ReadOnlySpan<float>(bounced[i], columns).CopyTo(new Span<float>(results[i] + (direct * PanelRows), columns));
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, Results results, byte* activations, byte* scratch)
    {
        if (rows.Count <= _fewRows)
        {
            Few(weights, panel, panels, rows, results, activations);
            return;
        }

        byte** x = (byte**)(scratch + StripTiles.PairBytes);
        byte** y = x + MostRows;
        long rowBytes = _activations.RowBytes;
        for (int i = 0; i < rows.Count; i++)
        {
            x[i] = activations + (rows.XOf(i) * rowBytes);
            y[i] = (byte*)results[i];
        }

        StripTiles tiles = _matrix is not null && rows.Count >= MatrixTiles.LeastRows ? _matrix : _vectors;
        tiles.Multiply(weights, panel, panels, x, y, rows.Count, (byte*)(y + MostRows));
    }

    [MethodImpl(Jit.Loop)]
    void Few(in PackedWeights weights, int panel, int panels, RowList rows, Results results, byte* activations)
    {
        RowsArguments arguments = default;
        for (int done = 0; done < panels; done += (int)arguments.Panels)
        {
            // What is left of the group that the panel is in.
            arguments.Panels = Math.Min(PackedWeights.GroupPanels - ((panel + done) % PackedWeights.GroupPanels), panels - done);
            for (int start = 0; start < K; start += weights.StripElements)
            {
                arguments.Weights = weights.At(panel + done, start);
                arguments.Units = Math.Min(weights.StripElements, K - start) / _format.Blocks.BlockElements;
                arguments.Adds = start;

                // The strip passes as often as its rows ask for, as even as can be.
                int first = 0;
                for (int passes = (rows.Count + RowsCode.MostRows - 1) / RowsCode.MostRows; passes > 0; passes--)
                {
                    int count = (rows.Count - first + passes - 1) / passes;
                    for (int i = 0; i < count; i++)
                    {
                        arguments.X[i] = (long)(activations + (rows.XOf(first + i) * _activations.RowBytes) + (start / 32 * RoundedActivations<Lanes512>.LineBytes));
                        arguments.Y[i] = (long)(results[first + i] + (done * PanelRows));
                    }

                    _rows[count](&arguments);
                    first += count;
                }
            }
        }
    }
}
