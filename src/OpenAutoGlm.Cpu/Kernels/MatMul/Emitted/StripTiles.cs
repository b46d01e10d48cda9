using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;

/// <summary>
/// The way of many rows: strip after strip of k, so that the activations of a strip stay in the second cache while the panels change; pair
/// after pair of panels, taken apart into the first cache; tile after tile of rows. What comes next is fetched meanwhile.
/// </summary>
abstract unsafe class StripTiles
{
    /// <summary>Unpacked weights of two panels fill two thirds of the first cache.</summary>
    private protected const int StripElements = PanelFormat.MostStripElements;

    private protected const int StripBlocks = StripElements / 32;

    /// <summary>Panels that pass a strip of activations together.</summary>
    internal const int MostPanels = PackedWeights.GroupPanels;

    readonly int _k;
    readonly int _unitElements;
    readonly int _unitBytes;
    readonly StripShape _shape;
    readonly int _tileRows;

    // As the tiles, this takes half a microsecond, so the collector may wait for it.
    readonly delegate* unmanaged[SuppressGCTransition]<StripArguments*, void> _toStrip;

    private protected StripTiles(CodeLibrary library, PanelFormat format, StripShape shape, int tileRows, int k)
    {
        (_k, _unitElements, _unitBytes) = (k, format.Blocks.BlockElements, format.UnitBytes);
        (_shape, _tileRows) = (shape, tileRows);
        _toStrip = (delegate* unmanaged[SuppressGCTransition]<StripArguments*, void>)StripCode.Get(library, format, shape).Entry;
    }

    /// <summary>Two panels for all rows: sums, or results of the last panels, of which not all are wanted.</summary>
    internal static long PairBytes => PanelProduct.MostRows * TileCode.Panels * PanelProduct.PanelRows * sizeof(float);

    /// <summary>Bytes that each thread needs.</summary>
    internal virtual long WorkerBytes => StripBytes + SumsBytes;

    long StripBytes => StripBlocks * _shape.BlockBytes;

    /// <summary>The sums of a call between its strips: rows of y are too far apart to stay in a cache.</summary>
    static long SumsBytes => MostPanels / TileCode.Panels * PairBytes;

    /// <summary>
    /// Multiplies at most <see cref="MostPanels"/> panels with rows. x: where the lines of each row begin; y: where the results of each go, whole pairs of panels.
    /// </summary>
    [MethodImpl(Jit.Loop)]
    internal void Multiply(in PackedWeights weights, int panel, int panels, byte** x, byte** y, int rows, byte* scratch)
    {
        TileArguments arguments = new() { Strip = scratch };
        int tiles = (rows + _tileRows - 1) / _tileRows;
        byte* own = scratch + StripBytes + SumsBytes;
        Open(&arguments, x, rows, own);
        for (int start = 0; start < _k; start += StripElements)
        {
            int elements = Math.Min(StripElements, _k - start);
            arguments.Blocks = elements / 32;
            arguments.Adds = start;
            arguments.XOffset = start / 32 * RoundedActivations<Lanes512>.LineBytes;
            byte** lines = Lines(&arguments, x, rows, own);
            int bytes = elements / _unitElements * _unitBytes;
            long fetched = arguments.Blocks * tiles * PanelFormat.LineBytes; // With one line of each panel for a block.
            long step = Math.Min((bytes + fetched - 1) / fetched, TileCode.MostFetches) * PanelFormat.LineBytes;
            for (int pair = 0; pair < panels; pair += TileCode.Panels)
            {
                // Where there is no second panel, the first stands in for it.
                byte* first = weights.At(panel + pair, start), second = pair + 1 < panels ? weights.At(panel + pair + 1, start) : first;
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
                (int aheadPanel, int aheadStart) = pair + TileCode.Panels < panels ? (panel + pair + TileCode.Panels, start) : start + elements < _k ? (panel, start + elements) : (panel + panels, 0);
                arguments.Fetch = weights.At(aheadPanel, aheadStart);
                arguments.FetchSecond = weights.At(aheadPanel + 1, aheadStart);
                arguments.FetchStep = step;
                arguments.X = lines;
                arguments.Sums = scratch + StripBytes + (pair / TileCode.Panels * PairBytes);
                arguments.Y = start + elements == _k ? y : null;
                arguments.YOffset = pair * PanelProduct.PanelRows * sizeof(float);
                Tiles(&arguments, rows, tiles, arguments.Fetch + bytes);
            }
        }

        Close();
    }

    /// <summary>What comes before the first strip; own: the end of scratch.</summary>
    private protected abstract void Open(TileArguments* arguments, byte** x, int rows, byte* own);

    /// <summary>Where the lines of each row are for a strip, whose distance is in the arguments.</summary>
    private protected virtual byte** Lines(TileArguments* arguments, byte** x, int rows, byte* own) => x;

    /// <summary>Rows of the next tile, of so many rows that are left for so many tiles, and how many tiles of as many rows come one after another.</summary>
    private protected abstract (int Rows, int Tiles) Next(int rows, int tiles);

    /// <summary>The function for a tile of so many rows.</summary>
    private protected abstract nint Tile(int rows);

    /// <summary>The function for a strip's first tile, of so many tiles.</summary>
    private protected virtual nint FirstTile(int rows, int tiles) => Tile(rows);

    /// <summary>What comes after the last strip.</summary>
    private protected virtual void Close()
    {
    }

    /// <summary>Tile after tile of a strip's rows; the arguments go along with them. What is fetched meanwhile of the first panel ends at <paramref name="fetchEnd"/>.</summary>
    [MethodImpl(Jit.Loop)]
    void Tiles(TileArguments* arguments, int rows, int tiles, byte* fetchEnd)
    {
        for (int done = 0; done < tiles;)
        {
            (int count, int equal) = Next(rows, tiles - done);
            rows -= equal * count;
            nint tile = Tile(count), next = done == 0 ? FirstTile(count, tiles) : tile;
            arguments->Ahead = count * arguments->Stride;
            for (int end = done + equal; done < end; done++, next = tile)
            {
                ((delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>)next)(arguments);
                arguments->X += count;
                arguments->Sums += count * TileArguments.SumsStride;
                arguments->Y = arguments->Y is null ? null : arguments->Y + count;
                arguments->Fetch += arguments->FetchStep * arguments->Blocks;
                arguments->FetchSecond += arguments->FetchStep * arguments->Blocks;
                arguments->FetchStep = arguments->Fetch < fetchEnd ? arguments->FetchStep : 0;
            }
        }
    }

    void ToStrip(byte* units, byte* strip, int elements)
    {
        StripArguments arguments = new() { Weights = units, Strip = strip, Units = elements / _unitElements };
        _toStrip(&arguments);
    }
}

/// <summary>Tiles of up to six rows, whose sums and dots stay in vector registers.</summary>
sealed unsafe class VectorTiles : StripTiles
{
    /// <summary>The most tiles of a strip that wait for packed units rather than for products.</summary>
    const int FewTiles = 2;

    readonly long _rowBytes;
    readonly nint[] _tiles = new nint[TileCode.MostRows + 1]; // by number of rows
    readonly nint[] _firstTiles = new nint[TileCode.MostRows + 1]; // where few tiles share a strip

    internal VectorTiles(CodeLibrary library, PanelFormat format, int k, long rowBytes)
        : base(library, format, StripShape.Of(format), TileCode.MostRows, k)
    {
        _rowBytes = rowBytes;
        StripShape shape = StripShape.Of(format);
        for (int rows = 1; rows <= TileCode.MostRows; rows++)
        {
            _tiles[rows] = TileCode.Get(library, shape, rows).Entry;
            _firstTiles[rows] = TileCode.Get(library, shape, rows, isFirst: shape.Packed).Entry;
        }
    }

    private protected override void Open(TileArguments* arguments, byte** x, int rows, byte* own) => arguments->Stride = _rowBytes;

    // As even as can be: 8 rows are 4 and 4, not 6 and 2.
    private protected override (int Rows, int Tiles) Next(int rows, int tiles)
    {
        int most = (rows + tiles - 1) / tiles;
        return (most, rows - (tiles * (most - 1)));
    }

    private protected override nint Tile(int rows) => _tiles[rows];

    private protected override nint FirstTile(int rows, int tiles) => (tiles <= FewTiles ? _firstTiles : _tiles)[rows];
}

/// <summary>
/// Tiles of sixteen rows by the matrix unit. It wants rows side by side, so others are gathered strip by strip.
/// </summary>
sealed unsafe class MatrixTiles : StripTiles
{
    /// <summary>Below this vector registers are as fast, for there is little to do for a strip, and unpacking and the way through the cache take their time.</summary>
    internal const int LeastRows = 33;

    /// <summary>A strip's lines of a row, and one more.</summary>
    const int GatheredStride = (StripBlocks + 1) * RoundedActivations<Lanes512>.LineBytes;

    readonly CodeLibrary _library;
    readonly StripShape _shape;
    readonly long _rowBytes;
    readonly MatrixUnit _unit;
    readonly nint[] _tiles = new nint[MatrixCode.MostRows + 1]; // by number of rows, made when they are wanted

    internal MatrixTiles(CodeLibrary library, PanelFormat format, int k, long rowBytes)
        : base(library, format, StripShape.Signed(format), MatrixCode.MostRows, k)
    {
        (_library, _shape, _rowBytes) = (library, StripShape.Signed(format), rowBytes);
        _unit = new MatrixUnit(library);
        _tiles[MatrixCode.MostRows] = MatrixCode.Get(library, _shape, MatrixCode.MostRows).Entry;
    }

    internal override long WorkerBytes => base.WorkerBytes + MatrixCode.ProductsBytes + PointerBytes + ((PanelProduct.MostRows + MatrixUnit.MostRows) * (long)GatheredStride);

    static long PointerBytes => PanelProduct.MostRows * sizeof(long);

    private protected override void Open(TileArguments* arguments, byte** x, int rows, byte* own)
    {
        bool areTogether = true;
        for (int i = 1; i < rows; i++)
        {
            areTogether &= x[i] == x[i - 1] + _rowBytes;
        }

        arguments->Products = own;
        arguments->Stride = areTogether ? _rowBytes : GatheredStride;
        _unit.Open(MatrixCode.Sizes(_shape));
    }

    private protected override byte** Lines(TileArguments* arguments, byte** x, int rows, byte* own)
    {
        if (arguments->Stride == _rowBytes)
        {
            return x;
        }

        byte** lines = (byte**)(own + MatrixCode.ProductsBytes);
        byte* to = (byte*)lines + PointerBytes;
        int bytes = (int)arguments->Blocks * RoundedActivations<Lanes512>.LineBytes;
        for (int i = 0; i < rows; i++, to += GatheredStride)
        {
            lines[i] = to;
            new ReadOnlySpan<byte>(x[i] + arguments->XOffset, bytes).CopyTo(new Span<byte>(to, bytes));
        }

        arguments->XOffset = 0;
        return lines;
    }

    private protected override (int Rows, int Tiles) Next(int rows, int tiles) => rows < MatrixCode.MostRows ? (rows, 1) : (MatrixCode.MostRows, rows / MatrixCode.MostRows);

    private protected override nint Tile(int rows)
    {
        if (_tiles[rows] == 0)
        {
            _tiles[rows] = MatrixCode.Get(_library, _shape, rows).Entry;
        }

        return _tiles[rows];
    }

    private protected override void Close() => _unit.Close();
}
