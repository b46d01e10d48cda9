using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>Which of the products of rows [m, ..] with a weight w [n, k] is computed.</summary>
enum ProductForm
{
    /// <summary>y = x · wᵀ.</summary>
    Forward,

    /// <summary>dx = dy · w.</summary>
    InputGradient,
}

/// <summary>
/// A product of training with a weight, C [rows, columns] = A · B over a depth: y = x · wᵀ or dx = dy · w. The weight is packed into
/// panels, anew for each run, because it changes. Then blocks of results are shared out among the threads: some lines of a block's rows
/// are laid close together (or read where they lie, if they lie close), and meet three panels of the same lines at a time, which a
/// first-level cache holds. Bits do not depend on blocks or threads.
/// </summary>
sealed unsafe class TrainedMatMulKernel<T> : Kernel, IParallelJob
    where T : struct, ILanes<T>
{
    const int Lanes = 16;
    const int LineBytes = 64;
    const int BlockRows = 96;
    const int MostPanels = 24; // of a block
    const int TilePanels = 3;
    const int BlockLines = 128;
    const int PackedRowBytes = (BlockLines * sizeof(int)) + LineBytes; // rows begin in different sets of a cache
    const int CloseBytes = 1024; // rows no longer than this are read where they lie

    readonly ProductForm _form;
    readonly WorkerPool _pool;
    readonly ProductTiles<T> _tiles;
    readonly Scratch _scratch;
    readonly long _bBytes;
    readonly long _workerBytes;
    readonly WeightPacking<T> _packing;
    TensorView _left;
    TileArguments _whole;
    int _rows;
    int _columns;
    int _blockPanels;
    int _panelGroups;
    bool _inPlace;
    byte* _workers;

    internal TrainedMatMulKernel(string name, ProductForm form, WorkerPool pool, ProductTiles<T> tiles, Scratch scratch, int n, int k)
    {
        (Name, _form, _pool, _tiles, _scratch) = ($"{name} {tiles.Name}", form, pool, tiles, scratch);
        (int columns, int depth) = form == ProductForm.Forward ? (n, k) : (k, n);
        _packing = new WeightPacking<T>(tiles.Form);
        _bBytes = Panels(columns) * Packing<T>.PanelBytes(Packing<T>.Lines(depth, tiles.Form));
        _workerBytes = Math.Max((BlockRows * PackedRowBytes) + ((long)BlockRows * MostPanels * LineBytes), WeightPacking<T>.WorkerBytes(k));
        scratch.Require(_bBytes + (_workerBytes * pool.Threads));
    }

    public override string Name { get; }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        _left = inputs[0];
        (_rows, _columns) = (outputs[0].RowCount, outputs[0].RowLength);
        int lines = Packing<T>.Lines(_left.RowLength, _tiles.Form);
        byte* b = _scratch.Pointer;
        _workers = b + _bBytes;
        _packing.Run(_pool, inputs[1], lines, across: _form == ProductForm.InputGradient, b, _workers, _workerBytes);
        _inPlace = _tiles.Form == LineForm.Floats && _left.RowLength * sizeof(float) <= CloseBytes;
        _whole = new TileArguments
        {
            ARow = _inPlace ? _left.RowLength * (long)sizeof(float) : PackedRowBytes,
            ALine = sizeof(int),
            B = b,
            BLine = LineBytes,
            BPanel = Packing<T>.PanelBytes(lines),
            Lines = lines,
            C = outputs[0].Data,
            CRow = (long)_columns * sizeof(float),
        };

        // Wide blocks, as far as there are enough of them for all threads.
        int panels = Panels(_columns);
        int rowBlocks = (_rows + BlockRows - 1) / BlockRows;
        int groups = Math.Max((panels + MostPanels - 1) / MostPanels, ((4 * _pool.Threads) + rowBlocks - 1) / rowBlocks);
        int each = (panels + groups - 1) / groups;
        _blockPanels = Math.Min(MostPanels, (each + TilePanels - 1) / TilePanels * TilePanels);
        _panelGroups = (panels + _blockPanels - 1) / _blockPanels;
        _pool.Run(this, _panelGroups * rowBlocks);
    }

    public void Execute(int chunk, int worker)
    {
        int row = chunk / _panelGroups * BlockRows;
        int panel = chunk % _panelGroups * _blockPanels;
        int rows = Math.Min(BlockRows, _rows - row);
        int panels = Math.Min(_blockPanels, Panels(_columns) - panel);
        int columns = Math.Min(panels * Lanes, _columns - (panel * Lanes));
        byte* packed = _workers + (worker * _workerBytes);
        byte* results = _whole.C + (row * _whole.CRow) + ((long)panel * LineBytes);
        bool whole = columns == panels * Lanes;
        TileArguments block = _whole;
        block.C = whole ? results : packed + (BlockRows * PackedRowBytes);
        block.CRow = whole ? _whole.CRow : panels * LineBytes;
        for (long line = 0; line < _whole.Lines; line += BlockLines)
        {
            block.Lines = Math.Min(BlockLines, _whole.Lines - line);
            block.A = Rows(row, rows, line, packed);
            block.B = _whole.B + (panel * block.BPanel) + (line * LineBytes);
            block.Adds = line > 0 ? 1 : 0;
            _tiles.Run(block, rows, panels, TilePanels);
        }

        for (int i = 0; i < rows && !whole; i++)
        {
            new ReadOnlySpan<float>(block.C + (i * block.CRow), columns).CopyTo(new Span<float>(results + (i * _whole.CRow), columns));
        }
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();

    static int Panels(int columns) => (columns + Lanes - 1) / Lanes;

    /// <summary>A block's lines of its rows, from a line on.</summary>
    byte* Rows(int row, int rows, long line, byte* packed)
    {
        int first = (int)line * (_tiles.Form == LineForm.Pairs ? 2 : 1);
        float* from = (float*)_left.Data + ((long)row * _left.RowLength) + first;
        if (_inPlace)
        {
            return (byte*)from;
        }

        int count = Math.Min(_tiles.Form == LineForm.Pairs ? 2 * BlockLines : BlockLines, _left.RowLength - first);
        for (int i = 0; i < rows; i++)
        {
            Packing<T>.Row(from + ((long)i * _left.RowLength), count, _tiles.Form, packed + (i * PackedRowBytes));
        }

        return packed;
    }
}
