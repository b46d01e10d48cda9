using System.Collections.Immutable;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Cpu.Tuning;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// A fused product. First the rows are made ready, then the panels of all weights are shared out among the threads in
/// chunks; whoever has multiplied some panels also does what is on their edge. A chunk of one row goes through the
/// thread's first cache; there is one fork for a token, whatever was fused.
/// </summary>
sealed unsafe class FusedMatMulKernel<T> : Kernel, IParallelJob, ITunable
    where T : struct, ILanes<T>
{
    /// <summary>
    /// Results that a thread keeps at a time, a quarter of a second cache: products want many panels at once, so that the
    /// activations stay in the cache while the panels change.
    /// </summary>
    const int TileElements = 65536;

    readonly WorkerPool _pool;
    readonly Scratch _scratch;
    readonly RowStage<T> _stage;
    readonly ProjectionEdge<T>[] _parts;
    readonly long[] _rowsAt;
    readonly int[] _firstChunk;
    readonly int[] _chunkPanels;
    readonly Gate<T>? _gate;
    readonly HandedRows? _taken;
    readonly HandedRows? _given;
    readonly NativeMemoryOwner _identity;
    readonly TensorView[] _inputs;
    readonly TensorView[] _outputs;
    readonly long _productBytes;
    readonly long _tileBytes;
    readonly long _workerBytes;
    byte* _memory;
    byte* _multiplied; // the rows of a pass as products want them
    byte* _givenRows;
    int _first;
    int _rows;

    internal FusedMatMulKernel(string name, WorkerPool pool, Node node, RowStage<T> stage, ImmutableArray<ProjectionEdge<T>> parts, Scratch scratch, int mostRows, HandedRows? taken, HandedRows? given)
    {
        FusedMatMul op = (FusedMatMul)node.Op;
        (_taken, _given) = (taken, given);
        (Name, _pool, _stage, _scratch) = (name, pool, stage, scratch);
        _parts = [.. parts];
        _gate = op.Gate is { } gate ? Gate<T>.Of(gate) : null;
        _rowsAt = taken is null ? [.. parts.Select(part => stage.OffsetOf(part.Product))] : new long[parts.Length];
        _inputs = new TensorView[node.Inputs.Length];
        _outputs = new TensorView[node.Outputs.Length];

        // A gate's two parts go through the chunks of the first.
        int chunked = _gate is null ? _parts.Length : 1;
        _chunkPanels = new int[_parts.Length];
        _firstChunk = new int[chunked + 1];
        Choice = SharedChunks.Size(parts.Take(chunked).Sum(part => part.Matrix.Panels), pool.Threads);
        TuningKey = $"panels per chunk of {string.Join(" + ", parts.Select(part => $"{part.Product.Name} {part.Matrix.Count}"))} by {parts[0].Product.Activations.K}{(_gate is null ? "" : ", gated")}";
        int passRows = Math.Min(mostRows, PanelProduct.MostRows);
        int tile = Math.Max(TileElements, passRows * PanelProduct.PanelRows * parts.Max(part => part.UnitPanels));
        _productBytes = Scratch.Lines(parts.Max(part => part.Product.WorkerBytes));
        _tileBytes = parts.All(part => part.Direct) && _gate is null ? 0 : Scratch.Lines(tile * (long)sizeof(float));
        _workerBytes = _productBytes + (2 * _tileBytes) + stage.WorkerBytes;
        scratch.Require(stage.Bytes + (_workerBytes * pool.Threads));
        _identity = new NativeMemoryOwner(passRows * sizeof(int));
        for (int i = 0; i < passRows; i++)
        {
            ((int*)_identity.Pointer)[i] = i;
        }
    }

    public override string Name { get; }

    public string TuningKey { get; }

    public ReadOnlySpan<int> Choices => [2, 4, 8, 16, 32];

    /// <summary>Panels that a thread takes at a time, rounded to whole units of a part.</summary>
    public int Choice
    {
        get;
        set
        {
            field = value;
            for (int i = 0; i < _parts.Length; i++)
            {
                _chunkPanels[i] = Math.Max(1, value / _parts[i].UnitPanels) * _parts[i].UnitPanels;
            }

            for (int i = 0; i < _firstChunk.Length - 1; i++)
            {
                _firstChunk[i + 1] = _firstChunk[i] + ((_parts[i].Matrix.Panels + _chunkPanels[i] - 1) / _chunkPanels[i]);
            }
        }
    }

    public override bool Keeps(int output) => _given is null || output < _outputs.Length - 1;

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        inputs.CopyTo(_inputs);
        outputs.CopyTo(_outputs);
        foreach (ProjectionEdge<T> part in _parts)
        {
            part.Begin(_inputs, _outputs);
        }

        int rows = _stage.Begin(_inputs, _outputs);
        _memory = _scratch.Pointer;
        _givenRows = _given is null ? null : _given.Pointer;
        byte* rowScratch = _memory + _stage.Bytes + _productBytes + (2 * _tileBytes);
        for (_first = 0; _first < rows; _first += PanelProduct.MostRows)
        {
            _rows = Math.Min(PanelProduct.MostRows, rows - _first);
            if (_stage.IsNeeded)
            {
                _stage.Run(_first, _rows, _memory, rowScratch, _workerBytes);
            }

            _multiplied = _taken is null ? _memory : _taken.Row(_first);
            _pool.Run(this, _firstChunk[^1]);
        }
    }

    public void Execute(int chunk, int worker)
    {
        byte* scratch = _memory + _stage.Bytes + (_workerBytes * worker);
        int index = _firstChunk.Length - 2;
        while (chunk < _firstChunk[index])
        {
            index--;
        }

        ProjectionEdge<T> part = _parts[index];
        int panel = (chunk - _firstChunk[index]) * _chunkPanels[index];
        int end = Math.Min(part.Matrix.Panels, panel + _chunkPanels[index]);
        if (_gate is null && part.Direct)
        {
            Straight(part, index, panel, end - panel, scratch);
            return;
        }

        int unit = part.UnitPanels;
        int step = Math.Max(unit, TileElements / (_rows * PanelProduct.PanelRows) / unit * unit);
        for (; panel < end; panel += step)
        {
            int panels = Math.Min(step, end - panel);
            int column = panel * PanelProduct.PanelRows;
            int columns = Math.Min(panels * PanelProduct.PanelRows, part.Matrix.Count - column);
            if (_gate is null)
            {
                Edged(index, panel, panels, column, columns, scratch);
            }
            else
            {
                Gated(panel, panels, column, columns, scratch);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        foreach (ProjectionEdge<T> part in _parts)
        {
            part.Dispose();
        }

        _identity.Dispose();
        _given?.Dispose();
        _scratch.Dispose();
    }

    void Straight(ProjectionEdge<T> part, int index, int panel, int panels, byte* scratch)
    {
        int column = panel * PanelProduct.PanelRows;
        int columns = Math.Min(panels * PanelProduct.PanelRows, part.Matrix.Count - column);
        Multiply(index, panel, panels, part.Row(_first) + column, part.Matrix.Count, scratch);
        for (int row = 0; row < _rows; row++)
        {
            part.AddBias(part.Row(_first + row) + column, column, columns);
        }
    }

    void Edged(int index, int panel, int panels, int column, int columns, byte* scratch)
    {
        float* tile = (float*)(scratch + _productBytes);
        int stride = panels * PanelProduct.PanelRows;
        Multiply(index, panel, panels, tile, stride, scratch);
        for (int row = 0; row < _rows; row++)
        {
            _parts[index].Finish(tile + ((long)row * stride), _first + row, column, columns);
        }
    }

    void Gated(int panel, int panels, int column, int columns, byte* scratch)
    {
        float* gate = (float*)(scratch + _productBytes);
        float* up = (float*)(scratch + _productBytes + _tileBytes);
        int stride = panels * PanelProduct.PanelRows;
        Multiply(0, panel, panels, gate, stride, scratch);
        Multiply(1, panel, panels, up, stride, scratch);
        for (int row = 0; row < _rows; row++)
        {
            long at = (long)row * stride;
            _parts[0].AddBias(gate + at, column, columns);
            _parts[1].AddBias(up + at, column, columns);
            if (_given is null)
            {
                _gate!.Row(gate + at, up + at, _parts[0].Row(_first + row) + column, columns);
                continue;
            }

            _gate!.Row(gate + at, up + at, gate + at, columns);
            _given.Activations.Load(gate + at, _first + row, column, columns, _givenRows);
        }
    }

    void Multiply(int index, int panel, int panels, float* y, long stride, byte* scratch)
    {
        RowList rows = new((nint)_identity.Pointer, (nint)_identity.Pointer, _rows);
        _parts[index].Product.Multiply(_parts[index].Matrix, panel, panels, rows, y, stride, _multiplied + _rowsAt[index], scratch);
    }
}

/// <summary>A prologue by itself: a residual sum with norms, or the norm of picked rows.</summary>
sealed unsafe class RowPrologueKernel<T>(string name, WorkerPool pool, RowPrologue<T> prologue, Scratch scratch, long rowBytes) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
{
    int _rows;
    int _rowsPerChunk;
    byte* _memory;

    public override void Execute(int chunk, int worker)
    {
        int end = Math.Min(_rows, (chunk + 1) * _rowsPerChunk);
        for (int row = chunk * _rowsPerChunk; row < end; row++)
        {
            prologue.Row(row, (float*)(_memory + (rowBytes * worker)));
        }
    }

    protected override int Begin()
    {
        _memory = scratch.Pointer;
        _rows = prologue.Begin(Inputs, Outputs);
        _rowsPerChunk = Math.Max(1, ChunkElements / Outputs[0].RowLength);
        return Chunks(_rows, _rowsPerChunk);
    }

    protected override void Dispose(bool disposing) => scratch.Dispose();
}
