using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// The product of int8 activations and a quantised weight with emitted 512-bit vpdpbusd. Few rows unpack the weights in
/// registers as they come from memory (<see cref="RowsCode"/>); more rows share a strip of unpacked weights in the first
/// cache (<see cref="StripCode"/>, <see cref="TileCode"/>).
/// </summary>
sealed unsafe class EmittedProduct : PanelProduct
{
    /// <summary>Elements of a strip: unpacked weights of two panels fill two thirds of the first cache.</summary>
    const int StripElements = 512;

    const int StripBlocks = StripElements / 32;
    const int LaneFloats = 16;

    readonly PanelFormat _format;
    readonly int _k;
    readonly StripShape _shape;
    readonly RoundedActivations<Lanes512> _activations;
    readonly delegate* unmanaged<StripArguments*, void> _toStrip;
    readonly delegate* unmanaged<RowsArguments*, void>[] _rows; // by number of rows
    readonly delegate* unmanaged<TileArguments*, void>[] _tiles; // by number of rows

    internal EmittedProduct(CodeLibrary library, TensorFormat format, int k)
    {
        (_format, _k) = (PanelFormat.Of(format), k);
        _shape = StripShape.Of(_format);
        _activations = new RoundedActivations<Lanes512>(k, Wide: false);
        _toStrip = (delegate* unmanaged<StripArguments*, void>)StripCode.Get(library, _format).Entry;
        _rows = new delegate* unmanaged<RowsArguments*, void>[RowsCode.MostRows + 1];
        for (int rows = 1; rows <= RowsCode.MostRows; rows++)
        {
            _rows[rows] = (delegate* unmanaged<RowsArguments*, void>)RowsCode.Get(library, _format, rows).Entry;
        }

        _tiles = new delegate* unmanaged<TileArguments*, void>[TileCode.MostRows + 1];
        for (int rows = 1; rows <= TileCode.MostRows; rows++)
        {
            _tiles[rows] = (delegate* unmanaged<TileArguments*, void>)TileCode.Get(library, _shape, rows).Entry;
        }
    }

    internal override string Name => $"{_format.Format} vnni";

    internal override Activations Activations => _activations;

    internal override string Packing => $"{_format.Format} × 16";

    internal override long PanelBytes => _format.PanelBytes(_k);

    internal override long WorkerBytes => (StripBlocks * _shape.BlockBytes) + BounceBytes;

    /// <summary>Results of the last panels, of which not all are wanted.</summary>
    static long BounceBytes => MostRows * TileCode.Panels * LaneFloats * sizeof(float);

    internal override void Pack(byte* rows, long rowBytes, int count, byte* panel) => _format.Pack(rows, rowBytes, count, _k, panel);

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        Results results = new(rows, (nint)y, yStride, InOrder: false);
        Results bounced = new(rows, (nint)(scratch + (StripBlocks * _shape.BlockBytes)), TileCode.Panels * LaneFloats, InOrder: true);
        int whole = Math.Min(panels, (weights.Count / PanelRows) - panel);
        bool few = rows.Count <= RowsCode.MostRows;
        int direct = few ? whole : whole / TileCode.Panels * TileCode.Panels;
        if (direct > 0)
        {
            Multiply(weights, panel, direct, rows, results, activations, scratch);
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

    void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, Results results, byte* activations, byte* scratch)
    {
        if (rows.Count <= RowsCode.MostRows)
        {
            RowsArguments arguments = new() { Weights = weights.Panel(panel), Panels = panels, Units = _k / _format.Blocks.BlockElements };
            for (int i = 0; i < rows.Count; i++)
            {
                arguments.X[i] = (long)(activations + (rows.XOf(i) * _activations.RowBytes));
                arguments.Y[i] = (long)results[i];
            }

            _rows[rows.Count](&arguments);
            return;
        }

        // Strip after strip, so that the activations of a strip stay in the second cache while the panels change.
        for (int start = 0; start < _k; start += StripElements)
        {
            int elements = Math.Min(StripElements, _k - start);
            for (int pair = 0; pair < panels; pair += TileCode.Panels)
            {
                for (int i = 0; i < TileCode.Panels; i++)
                {
                    // Where there is no second panel, the first stands in for it.
                    byte* from = weights.Panel(panel + Math.Min(pair + i, panels - 1)) + ((long)(start / _format.Blocks.BlockElements) * _format.UnitBytes);
                    StripArguments strip = new() { Weights = from, Strip = scratch + _shape.LineAt(0, i), Units = elements / _format.Blocks.BlockElements };
                    _toStrip(&strip);
                }

                Tiles(elements / 32, start, pair * PanelRows, rows, results, activations, scratch);
            }
        }
    }

    void Tiles(int blocks, int start, int column, RowList rows, Results results, byte* activations, byte* strip)
    {
        TileArguments arguments = new() { Strip = strip, Blocks = blocks, Adds = start };
        byte* lines = activations + (start / 32 * RoundedActivations<Lanes512>.LineBytes);
        int tiles = (rows.Count + TileCode.MostRows - 1) / TileCode.MostRows;
        for (int tile = 0, first = 0; tile < tiles; tile++)
        {
            // As even as can be: 8 rows are 4 and 4, not 6 and 2.
            int count = (rows.Count - first + tiles - tile - 1) / (tiles - tile);
            for (int i = 0; i < count; i++)
            {
                arguments.X[i] = (long)(lines + (rows.XOf(first + i) * _activations.RowBytes));
                arguments.Y[i] = (long)(results[first + i] + column);
            }

            _tiles[count](&arguments);
            first += count;
        }
    }
}
