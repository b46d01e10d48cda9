using System.Runtime.CompilerServices;
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

    /// <summary>Panels that pass a strip of activations together.</summary>
    const int MostPanels = 8;

    /// <summary>The most rows for which panels that tiles could take as they are go through <see cref="RowsCode"/> all the same: with more, two panels that share a load of activations gain.</summary>
    const int MostRowsOfPacked = 5;

    /// <summary>The most rows that do without the matrix unit where there is one.</summary>
    static int MostRowsWithoutMatrix = int.Parse(Environment.GetEnvironmentVariable("MRWM") ?? "8");

    /// <summary>The most tiles of a strip that wait for packed units rather than for products.</summary>
    const int FewTiles = 2;

    readonly PanelFormat _format;
    readonly int _fewRows;
    readonly int _k;
    readonly int _unitElements;
    readonly int _unitBytes;
    readonly StripShape _shape;
    readonly RoundedActivations<Lanes512> _activations;

    // These take half a microsecond, so the collector may wait for them.
    readonly delegate* unmanaged[SuppressGCTransition]<StripArguments*, void> _toStrip;
    readonly delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[] _tiles; // by number of rows
    readonly delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[] _firstTiles; // where few tiles share a strip
    readonly delegate* unmanaged<RowsArguments*, void>[] _rows; // by number of rows
    readonly CodeLibrary _library;
    readonly bool _hasMatrix;
    readonly StripShape _signed;
    readonly delegate* unmanaged[SuppressGCTransition]<StripArguments*, void> _toSigned;
    readonly delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[] _matrices; // by number of rows
    readonly MatrixUnit? _unit;

    internal EmittedProduct(CodeLibrary library, TensorFormat format, int k)
    {
        (_format, _k) = (PanelFormat.Of(format), k);
        (_unitElements, _unitBytes) = (_format.Blocks.BlockElements, _format.UnitBytes);
        _shape = StripShape.Of(_format);
        _fewRows = _shape.Packed ? MostRowsOfPacked : RowsCode.MostRows;
        _activations = new RoundedActivations<Lanes512>(k, Wide: false);
        _toStrip = (delegate* unmanaged[SuppressGCTransition]<StripArguments*, void>)StripCode.Get(library, _format, _shape).Entry;
        _library = library;
        _hasMatrix = library.Has(EmittedFeatures.Matrix);
        _signed = StripShape.Signed(_format);
        _matrices = new delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[MatrixCode.MostRows + 1];
        if (_hasMatrix)
        {
            _toSigned = (delegate* unmanaged[SuppressGCTransition]<StripArguments*, void>)StripCode.Get(library, _format, _signed).Entry;
            _unit = new MatrixUnit(library);
        }

        _rows = new delegate* unmanaged<RowsArguments*, void>[RowsCode.MostRows + 1];
        for (int rows = 1; rows <= _fewRows; rows++)
        {
            _rows[rows] = (delegate* unmanaged<RowsArguments*, void>)RowsCode.Get(library, _format, rows).Entry;
        }

        _tiles = new delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[TileCode.MostRows + 1];
        _firstTiles = new delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[TileCode.MostRows + 1];
        for (int rows = 1; rows <= TileCode.MostRows; rows++)
        {
            _tiles[rows] = (delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>)TileCode.Get(library, _shape, rows).Entry;
            _firstTiles[rows] = (delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>)TileCode.Get(library, _shape, rows, isFirst: _shape.Packed).Entry;
        }
    }

    internal override string Name => $"{_format.Format} vnni";

    internal override Activations Activations => _activations;

    internal override string Packing => $"{_format.Format} × 16";

    internal override long PanelBytes => _format.PanelBytes(_k);

    internal override long WorkerBytes => StripBytes + SumsBytes + PairBytes + (2 * PointerBytes) + (_hasMatrix ? MatrixCode.ProductsBytes + GatheredBytes : 0);

    long StripBytes => StripBlocks * _signed.BlockBytes;

    /// <summary>A strip's activations of rows that do not lie side by side, with a line behind each.</summary>
    static long GatheredBytes => (MostRows + 1) * (long)GatheredStride;

    const int GatheredStride = (StripBlocks + 1) * RoundedActivations<Lanes512>.LineBytes;

    static long PointerBytes => MostRows * sizeof(long);

    /// <summary>The sums of a call between its strips: rows of y are too far apart to stay in a cache.</summary>
    static long SumsBytes => MostPanels / TileCode.Panels * PairBytes;

    /// <summary>Two panels for all rows: sums, or results of the last panels, of which not all are wanted.</summary>
    static long PairBytes => MostRows * TileCode.Panels * LaneFloats * sizeof(float);

    internal override void Pack(byte* rows, long rowBytes, int count, byte* panel) => _format.Pack(rows, rowBytes, count, _k, panel);

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        Results results = new(rows, (nint)y, yStride, InOrder: false);
        Results bounced = new(rows, (nint)(scratch + StripBytes + SumsBytes), TileCode.Panels * LaneFloats, InOrder: true);
        int whole = Math.Min(panels, (weights.Count / PanelRows) - panel);
        bool few = rows.Count <= _fewRows;
        int direct = few ? whole : whole / TileCode.Panels * TileCode.Panels;
        if (direct > 0)
        {
            // Where there are many panels, some at a time, so that their sums stay in the second cache.
            int step = few ? direct : MostPanels;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, Results results, byte* activations, byte* scratch)
    {
        if (rows.Count <= _fewRows)
        {
            Few(weights, panel, panels, rows, results, activations);
            return;
        }

        byte** x = (byte**)(scratch + StripBytes + SumsBytes + PairBytes);
        byte** y = x + MostRows;
        long rowBytes = _activations.RowBytes;
        for (int i = 0; i < rows.Count; i++)
        {
            x[i] = activations + (rows.XOf(i) * rowBytes);
            y[i] = (byte*)results[i];
        }

        if (_hasMatrix && rows.Count > MostRowsWithoutMatrix)
        {
            Matrix(weights, panel, panels, rows, x, y, scratch);
            return;
        }

        // Strip after strip, so that the activations of a strip stay in the second cache while the panels change.
        TileArguments arguments = new() { Strip = scratch };
        int tiles = (rows.Count + TileCode.MostRows - 1) / TileCode.MostRows;
        for (int start = 0; start < _k; start += StripElements)
        {
            int elements = Math.Min(StripElements, _k - start);
            arguments.Blocks = elements / 32;
            arguments.Adds = start;
            arguments.XOffset = start / 32 * RoundedActivations<Lanes512>.LineBytes;
            byte* packed = weights.Panel(panel) + ((long)(start / _unitElements) * _unitBytes);
            int bytes = elements / _unitElements * _unitBytes;
            long fetched = arguments.Blocks * tiles * PanelFormat.LineBytes; // With one line of each panel for a block.
            long step = Math.Min((bytes + fetched - 1) / fetched, TileCode.MostFetches) * PanelFormat.LineBytes;
            for (int pair = 0; pair < panels; pair += TileCode.Panels)
            {
                // Where there is no second panel, the first stands in for it.
                byte* first = packed + (pair * weights.PanelBytes), second = pair + 1 < panels ? first + weights.PanelBytes : first;
                if (_shape.Packed)
                {
                    arguments.Strip = first;
                    arguments.Second = second;
                }
                else
                {
                    ToStrip(first, scratch + _shape.LineAt(0, 0), elements);
                    ToStrip(second, scratch + _shape.LineAt(0, 1), elements);
                }

                // What comes after this pair and is fetched meanwhile: the next one, or the first one's next strip, or what lies behind these panels.
                byte* ahead = pair + TileCode.Panels < panels ? first + (TileCode.Panels * weights.PanelBytes) : start + elements < _k ? packed + bytes : weights.Panel(panel + panels);
                arguments.Fetch = ahead;
                arguments.FetchSecond = ahead + weights.PanelBytes;
                arguments.FetchStep = step;
                arguments.X = x;
                arguments.Sums = scratch + StripBytes + (pair / TileCode.Panels * PairBytes);
                arguments.Y = start + elements == _k ? y : null;
                arguments.YOffset = pair * PanelRows * sizeof(float);
                Tiles(&arguments, rows.Count, tiles, rowBytes, ahead + bytes);
            }
        }
    }

    /// <summary>Tile after tile of a strip's rows; the arguments go along with them. What is fetched meanwhile of the first panel ends at <paramref name="fetchEnd"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Tiles(TileArguments* arguments, int rows, int tiles, long rowBytes, byte* fetchEnd)
    {
        bool isFirst = tiles <= FewTiles;
        for (; tiles > 0; tiles--, isFirst = false)
        {
            // As even as can be: 8 rows are 4 and 4, not 6 and 2.
            int count = (rows + tiles - 1) / tiles;
            arguments->Ahead = count * rowBytes;
            (isFirst ? _firstTiles : _tiles)[count](arguments);
            rows -= count;
            arguments->X += count;
            arguments->Sums += count * TileArguments.SumsStride;
            arguments->Y = arguments->Y is null ? null : arguments->Y + count;
            arguments->Fetch += arguments->FetchStep * arguments->Blocks;
            arguments->FetchSecond += arguments->FetchStep * arguments->Blocks;
            arguments->FetchStep = arguments->Fetch < fetchEnd ? arguments->FetchStep : 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Matrix(in PackedWeights weights, int panel, int panels, RowList rows, byte** x, byte** y, byte* scratch)
    {
        long rowBytes = _activations.RowBytes;
        bool together = true;
        for (int i = 1; i < rows.Count; i++)
        {
            together &= x[i] == x[i - 1] + rowBytes;
        }

        _unit!.Open(MatrixCode.Sizes(_signed));
        byte* products = (byte*)(y + MostRows);
        byte* gathered = products + MatrixCode.ProductsBytes;
        TileArguments arguments = new() { Strip = scratch, Products = products, Stride = together ? rowBytes : GatheredStride };
        int tiles = (rows.Count + MatrixCode.MostRows - 1) / MatrixCode.MostRows;
        byte* sums = scratch + StripBytes;
        for (int start = 0; start < _k; start += StripElements)
        {
            int elements = Math.Min(StripElements, _k - start);
            arguments.Blocks = elements / 32;
            arguments.Adds = start;
            long xOffset = start / 32 * RoundedActivations<Lanes512>.LineBytes;
            if (!together)
            {
                int lines = elements / 32 * RoundedActivations<Lanes512>.LineBytes;
                for (int i = 0; i < rows.Count; i++)
                {
                    Buffer.MemoryCopy(x[i] + xOffset, gathered + (i * GatheredStride), lines, lines);
                }
            }

            byte* packed = weights.Panel(panel) + ((long)(start / _unitElements) * _unitBytes);
            int bytes = elements / _unitElements * _unitBytes;
            long fetched = arguments.Blocks * tiles * PanelFormat.LineBytes;
            long step = Math.Min((bytes + fetched - 1) / fetched, TileCode.MostFetches) * PanelFormat.LineBytes;
            for (int pair = 0; pair < panels; pair += TileCode.Panels)
            {
                byte* first = packed + (pair * weights.PanelBytes), second = pair + 1 < panels ? first + weights.PanelBytes : first;
                ToSigned(first, scratch + _signed.LineAt(0, 0), elements);
                ToSigned(second, scratch + _signed.LineAt(0, 1), elements);
                byte* ahead = pair + TileCode.Panels < panels ? first + (TileCode.Panels * weights.PanelBytes) : start + elements < _k ? packed + bytes : weights.Panel(panel + panels);
                arguments.Fetch = ahead;
                arguments.FetchSecond = ahead + weights.PanelBytes;
                arguments.FetchStep = step;
                arguments.Sums = sums + (pair / TileCode.Panels * PairBytes);
                arguments.Y = start + elements == _k ? y : null;
                arguments.YOffset = pair * PanelRows * sizeof(float);
                for (int row = 0; row < rows.Count; row += MatrixCode.MostRows)
                {
                    int count = Math.Min(MatrixCode.MostRows, rows.Count - row);
                    byte* at = together ? x[row] + xOffset : gathered + (row * GatheredStride);
                    arguments.X = &at;
                    arguments.Ahead = count * arguments.Stride;
                    if (_matrices[count] == null)
                    {
                        _matrices[count] = (delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>)MatrixCode.Get(_library, _signed, count).Entry;
                    }

                    _matrices[count](&arguments);
                    arguments.Sums += count * TileArguments.SumsStride;
                    arguments.Y = arguments.Y is null ? null : arguments.Y + count;
                    arguments.Fetch += arguments.FetchStep * arguments.Blocks;
                    arguments.FetchSecond += arguments.FetchStep * arguments.Blocks;
                    arguments.FetchStep = arguments.Fetch < ahead + bytes ? arguments.FetchStep : 0;
                }
            }
        }

        _unit.Close();
    }

    void ToSigned(byte* units, byte* strip, int elements)
    {
        StripArguments arguments = new() { Weights = units, Strip = strip, Units = elements / _unitElements };
        _toSigned(&arguments);
    }

    void ToStrip(byte* units, byte* strip, int elements)
    {
        StripArguments arguments = new() { Weights = units, Strip = strip, Units = elements / _unitElements };
        _toStrip(&arguments);
    }

    void Few(in PackedWeights weights, int panel, int panels, RowList rows, Results results, byte* activations)
    {
        RowsArguments arguments = new() { Weights = weights.Panel(panel), Panels = panels, Units = _k / _unitElements };
        for (int i = 0; i < rows.Count; i++)
        {
            arguments.X[i] = (long)(activations + (rows.XOf(i) * _activations.RowBytes));
            arguments.Y[i] = (long)results[i];
        }

        _rows[rows.Count](&arguments);
    }
}
