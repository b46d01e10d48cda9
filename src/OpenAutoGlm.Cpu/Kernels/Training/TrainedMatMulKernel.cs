using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops.Training;
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
/// panels, anew for each run, because it changes; rows are read where they lie, or rounded to pairs; then blocks of results are shared
/// out among the threads. Bits do not depend on their number.
/// </summary>
sealed unsafe class TrainedMatMulKernel<T> : Kernel, IParallelJob
    where T : struct, ILanes<T>
{
    const int Lanes = 16;
    const int LineBytes = 64;
    const int BlockRows = 96;
    const int BlockPanels = 3;
    const int BlockLines = 128;
    const int PackRows = 64;

    readonly ProductForm _form;
    readonly WorkerPool _pool;
    readonly ProductTiles<T> _tiles;
    readonly Scratch _scratch;
    readonly bool _pairs;
    readonly long _aBytes;
    readonly long _bBytes;
    readonly long _workerBytes;
    readonly PackJob _packA;
    readonly PackJob _packB;
    TileArguments _whole;
    int _rows;
    int _columns;
    int _panelGroups;
    byte* _workers;

    internal TrainedMatMulKernel(string name, ProductForm form, WorkerPool pool, ProductTiles<T> tiles, bool pairs, Scratch scratch, int mostRows, int n, int k)
    {
        (Name, _form, _pool, _tiles, _scratch, _pairs) = ($"{name} {tiles.Name}", form, pool, tiles, scratch, pairs);
        (int columns, int depth) = form == ProductForm.Forward ? (n, k) : (k, n);
        long lines = Packing<T>.Lines(depth, pairs);
        _aBytes = pairs ? mostRows * Scratch.Lines(lines * sizeof(int)) : 0;
        _bBytes = Panels(columns) * lines * LineBytes;

        // Results of an uneven block; sixteen rows of a weight in another format, and as pairs; or two rows of it.
        _workerBytes = Math.Max((long)BlockRows * BlockPanels * LineBytes, Lanes * Scratch.Lines((depth + 1L) * sizeof(float)) + (Lanes * Scratch.Lines(lines * sizeof(int))));
        _workerBytes = Math.Max(_workerBytes, 2 * Scratch.Lines((columns + Lanes) * sizeof(float)));
        scratch.Require(_aBytes + _bBytes + (_workerBytes * pool.Threads));
        (_packA, _packB) = (new PackJob(pairs), new PackJob(pairs));
    }

    public override string Name { get; }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (TensorView left, TensorView right) = (inputs[0], inputs[1]);
        int depth = left.RowLength;
        (_rows, _columns) = (outputs[0].RowCount, outputs[0].RowLength);
        int lines = Packing<T>.Lines(depth, _pairs);
        byte* a = _scratch.Pointer;
        byte* b = a + _aBytes;
        _workers = b + _bBytes;
        _packB.Run(_pool, right, lines, across: _form == ProductForm.InputGradient, b, _workers, _workerBytes);
        _whole = new TileArguments { B = b, BLine = LineBytes, BPanel = (long)lines * LineBytes, Lines = lines, C = outputs[0].Data, CRow = (long)_columns * sizeof(float) };
        if (_pairs)
        {
            _packA.RunRows(_pool, left, lines, a);
            _whole.A = a;
            (_whole.ARow, _whole.ALine) = (Scratch.Lines(lines * sizeof(int)), sizeof(int));
        }
        else
        {
            _whole.A = left.Data;
            (_whole.ARow, _whole.ALine) = (left.RowLength * (long)sizeof(float), sizeof(float));
        }

        _panelGroups = (Panels(_columns) + BlockPanels - 1) / BlockPanels;
        _pool.Run(this, _panelGroups * ((_rows + BlockRows - 1) / BlockRows));
    }

    public void Execute(int chunk, int worker)
    {
        int row = chunk / _panelGroups * BlockRows;
        int panel = chunk % _panelGroups * BlockPanels;
        int rows = Math.Min(BlockRows, _rows - row);
        int panels = Math.Min(BlockPanels, Panels(_columns) - panel);
        int columns = Math.Min(panels * Lanes, _columns - (panel * Lanes));
        byte* results = _whole.C + (row * _whole.CRow) + ((long)panel * LineBytes);
        bool whole = columns == panels * Lanes;
        TileArguments block = _whole;
        block.C = whole ? results : _workers + (worker * _workerBytes);
        block.CRow = whole ? _whole.CRow : BlockPanels * LineBytes;
        for (long line = 0; line < _whole.Lines; line += BlockLines)
        {
            block.A = _whole.A + (row * _whole.ARow) + (line * _whole.ALine);
            block.B = _whole.B + (panel * block.BPanel) + (line * LineBytes);
            block.Lines = Math.Min(BlockLines, _whole.Lines - line);
            block.Adds = line > 0 ? 1 : 0;
            _tiles.Run(block, rows, panels);
        }

        for (int i = 0; i < rows && !whole; i++)
        {
            new ReadOnlySpan<float>(block.C + (i * block.CRow), columns).CopyTo(new Span<float>(results + (i * _whole.CRow), columns));
        }
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();

    static int Panels(int columns) => (columns + Lanes - 1) / Lanes;

    /// <summary>Lays a matrix out, in chunks.</summary>
    sealed class PackJob(bool pairs) : IParallelJob
    {
        TensorView _matrix;
        int _lines;
        bool _across;
        bool _inRows;
        byte* _to;
        byte* _workers;
        long _workerBytes;

        /// <summary>Panels whose columns are the matrix's columns (across) or its rows.</summary>
        internal void Run(WorkerPool pool, TensorView matrix, int lines, bool across, byte* to, byte* workers, long workerBytes)
        {
            _matrix = matrix;
            _lines = lines;
            _across = across;
            _inRows = false;
            _to = to;
            _workers = workers;
            _workerBytes = workerBytes;
            pool.Run(this, across ? (matrix.RowCount + PackRows - 1) / PackRows : Panels(matrix.RowCount));
        }

        /// <summary>Rows of pairs.</summary>
        internal void RunRows(WorkerPool pool, TensorView matrix, int lines, byte* to)
        {
            _matrix = matrix;
            _lines = lines;
            _inRows = true;
            _to = to;
            pool.Run(this, (matrix.RowCount + PackRows - 1) / PackRows);
        }

        public void Execute(int chunk, int worker)
        {
            byte* memory = _workers + (worker * _workerBytes);
            if (_inRows)
            {
                Rows(chunk * PackRows);
            }
            else if (_across)
            {
                Across(chunk * PackRows, (float*)memory);
            }
            else
            {
                Along(chunk, memory);
            }
        }

        void Rows(int start)
        {
            long rowBytes = Scratch.Lines(_lines * sizeof(int));
            int end = Math.Min(_matrix.RowCount, start + PackRows);
            for (int row = start; row < end; row++)
            {
                Packing<T>.Pairs((float*)_matrix.Data + ((long)row * _matrix.RowLength), _matrix.RowLength, (ushort*)(_to + (row * rowBytes)));
            }
        }

        void Along(int panel, byte* memory)
        {
            int rows = Math.Min(Lanes, _matrix.RowCount - (panel * Lanes));
            int length = _matrix.RowLength;
            byte* from = _matrix.Data + ((long)panel * Lanes * length * sizeof(float));
            long rowBytes = length * (long)sizeof(float);
            if (_matrix.Format != TensorFormat.F32)
            {
                rowBytes = Scratch.Lines(rowBytes);
                for (int row = 0; row < rows; row++)
                {
                    _matrix.ReadRow((panel * Lanes) + row, new Span<float>(memory + (row * rowBytes), length));
                }

                from = memory;
                memory += Lanes * Scratch.Lines((length + 1L) * sizeof(float));
            }

            if (pairs)
            {
                long pairBytes = Scratch.Lines(_lines * sizeof(int));
                for (int row = 0; row < rows; row++)
                {
                    Packing<T>.Pairs((float*)(from + (row * rowBytes)), length, (ushort*)(memory + (row * pairBytes)));
                }

                from = memory;
                rowBytes = pairBytes;
            }

            Packing<T>.Transpose(from, rowBytes, rows, _lines, (int*)(_to + ((long)panel * _lines * LineBytes)));
        }

        void Across(int start, float* memory)
        {
            int end = Math.Min(_matrix.RowCount, start + PackRows);
            int length = _matrix.RowLength;
            long panelBytes = (long)_lines * LineBytes;
            float* other = memory + (Scratch.Lines((length + Lanes) * sizeof(float)) / sizeof(float));
            for (int row = start; row < end; row += pairs ? 2 : 1)
            {
                float* even = Row(row, memory);
                float* odd = pairs && row + 1 < end ? Row(row + 1, other) : null;
                byte* line = _to + ((long)(pairs ? row / 2 : row) * LineBytes);
                for (int column = 0; column < length; column += Lanes)
                {
                    if (pairs)
                    {
                        Packing<T>.PairLine(even + column, odd is null ? null : odd + column, length - column, line);
                    }
                    else
                    {
                        Packing<T>.Line(even + column, length - column, line);
                    }

                    line += panelBytes;
                }
            }
        }

        float* Row(int row, float* memory)
        {
            if (_matrix.Format == TensorFormat.F32)
            {
                return (float*)_matrix.Data + ((long)row * _matrix.RowLength);
            }

            _matrix.ReadRow(row, new Span<float>(memory, _matrix.RowLength));
            return memory;
        }
    }
}
