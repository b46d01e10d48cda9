using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>
/// dw += dyᵀ · x. A chunk is a block of dw, as large as leaves enough of them for all threads; some hundred rows of dy and x at a time
/// are packed into the thread's own memory and meet there, so that each is read from far away once for every block. Bits do not depend
/// on blocks or threads.
/// </summary>
sealed unsafe class WeightGradientKernel<T> : Kernel, IParallelJob
    where T : struct, ILanes<T>
{
    const int Lanes = 16;
    const int LineBytes = 64;
    const int BlockLines = 128;
    const long PanelBytes = (BlockLines + 1) * LineBytes; // an odd number of lines: neighbours do not share a set of a cache
    const int MostPanels = 24; // of rows or columns of a block
    const int TilePanels = 3;

    readonly WorkerPool _pool;
    readonly ProductTiles<T> _tiles;
    readonly Scratch _scratch;
    readonly int _rowPanels;
    readonly int _columnPanels;
    readonly int _n;
    readonly int _k;
    float* _dy;
    float* _x;
    float* _dw;
    int _m;

    internal WeightGradientKernel(string name, WorkerPool pool, ProductTiles<T> tiles, Scratch scratch, int n, int k)
    {
        (Name, _pool, _tiles, _scratch, _n, _k) = ($"{name} {tiles.Name}", pool, tiles, scratch, n, k);
        (_rowPanels, _columnPanels) = (Math.Min(MostPanels, Panels(n)), Math.Min(MostPanels, Panels(k)));
        while (Chunks < 3 * pool.Threads && _rowPanels + _columnPanels > TilePanels + 2)
        {
            if (_rowPanels >= _columnPanels)
            {
                _rowPanels = (_rowPanels + 1) / 2;
            }
            else
            {
                _columnPanels = (_columnPanels + 1) / 2;
            }
        }

        scratch.Require(WorkerBytes * pool.Threads);
    }

    public override string Name { get; }

    int ColumnBlocks => (Panels(_k) + _columnPanels - 1) / _columnPanels;

    int Chunks => (Panels(_n) + _rowPanels - 1) / _rowPanels * ColumnBlocks;

    /// <summary>Packed lines of both factors, and a tile's results.</summary>
    long WorkerBytes => ((_rowPanels + _columnPanels) * PanelBytes) + (Lanes * TilePanels * LineBytes);

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        _dy = (float*)inputs[1].Data;
        _x = (float*)inputs[2].Data;
        _dw = (float*)outputs[0].Data;
        _m = inputs[1].RowCount;
        _pool.Run(this, Chunks);
    }

    public void Execute(int chunk, int worker)
    {
        (int rowPanel, int columnPanel) = (chunk / ColumnBlocks * _rowPanels, chunk % ColumnBlocks * _columnPanels);
        int rowPanels = Math.Min(_rowPanels, Panels(_n) - rowPanel);
        int columnPanels = Math.Min(_columnPanels, Panels(_k) - columnPanel);
        byte* a = _scratch.Pointer + (worker * WorkerBytes);
        byte* b = a + (_rowPanels * PanelBytes);
        byte* results = b + (_columnPanels * PanelBytes);
        int perBlock = _tiles.Form == LineForm.Pairs ? 2 * BlockLines : BlockLines;
        for (int start = 0; start < _m; start += perBlock)
        {
            int count = Math.Min(perBlock, _m - start);
            Pack(_dy, _n, start, count, rowPanel * Lanes, rowPanels, a);
            Pack(_x, _k, start, count, columnPanel * Lanes, columnPanels, b);
            int lines = Packing<T>.Lines(count, _tiles.Form);
            for (int column = 0; column < columnPanels; column += TilePanels)
            {
                for (int row = 0; row < rowPanels; row++)
                {
                    Tile(a + (row * PanelBytes), b + (column * PanelBytes), lines, rowPanel + row, columnPanel + column, Math.Min(TilePanels, columnPanels - column), results);
                }
            }
        }
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();

    static int Panels(int columns) => (columns + Lanes - 1) / Lanes;

    /// <summary>Sixteen rows of dw and up to three panels of columns; where they are not all there, by way of other memory.</summary>
    void Tile(byte* a, byte* b, int lines, int rowPanel, int columnPanel, int panels, byte* results)
    {
        (int row, int column) = (rowPanel * Lanes, columnPanel * Lanes);
        int rows = Math.Min(Lanes, _n - row);
        int columns = Math.Min(panels * Lanes, _k - column);
        float* dw = _dw + ((long)row * _k) + column;
        bool whole = columns == panels * Lanes;
        TileArguments tile = new()
        {
            A = a,
            ARow = sizeof(int),
            ALine = LineBytes,
            B = b,
            BLine = LineBytes,
            BPanel = PanelBytes,
            Lines = lines,
            C = whole ? (byte*)dw : results,
            CRow = whole ? (long)_k * sizeof(float) : TilePanels * LineBytes,
            Adds = 1,
        };
        for (int i = 0; i < rows && !whole; i++)
        {
            new ReadOnlySpan<float>(dw + ((long)i * _k), columns).CopyTo(new Span<float>(results + (i * tile.CRow), columns));
        }

        _tiles.Run(tile, rows, panels);
        for (int i = 0; i < rows && !whole; i++)
        {
            new ReadOnlySpan<float>(results + (i * tile.CRow), columns).CopyTo(new Span<float>(dw + ((long)i * _k), columns));
        }
    }

    /// <summary>Some columns of some rows as panels.</summary>
    void Pack(float* matrix, int length, int start, int count, int column, int panels, byte* to) => Packing<T>.Across(
        (byte*)(matrix + ((long)start * length) + column), length * (long)sizeof(float), count, Math.Min(panels * Lanes, length - column), _tiles.Form, to, PanelBytes);
}
