using OpenAutoGlm.Cpu.Kernels.Experts;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>
/// The choice of experts from the rows: they are normed and handed on, multiplied with the router's weight, and the
/// choice is made from logits that are still in the cache.
/// </summary>
sealed unsafe class FusedRouterKernel<T> : Kernel, IParallelJob
    where T : struct, ILanes<T>
{
    /// <summary>Rows whose choices are worth a fork.</summary>
    const int ManyRows = 16;

    readonly WorkerPool _pool;
    readonly Scratch _scratch;
    readonly FusedRouter _op;
    readonly RowStage<T> _stage;
    readonly PanelProduct _product;
    readonly WeightPanels _weights;
    readonly ExpertChoice[] _choices;
    readonly NativeMemoryOwner _identity;
    readonly TensorView[] _inputs;
    readonly TensorView[] _outputs;
    readonly long _logitBytes;
    readonly long _productBytes;
    readonly long _workerBytes;
    PackedWeights _matrix;
    byte* _memory;
    float* _logits;
    int _first;
    int _rows;
    int _panelsPerChunk;
    bool _choosing;

    internal FusedRouterKernel(string name, WorkerPool pool, Node node, RowStage<T> stage, PanelProduct product, PlanScope scope, int mostRows)
    {
        (Name, _pool, _op, _stage, _product, _scratch) = (name, pool, (FusedRouter)node.Op, stage, product, scope.Scratch);
        Value weight = node.Inputs[_op.PrologueInputs];
        int experts = weight.Type.Shape[0].Size;
        _weights = new WeightPanels(weight, product, pool, scope.Weights);
        _choices = [.. Enumerable.Range(0, pool.Threads).Select(_ => new ExpertChoice(_op.Router, experts))];
        _inputs = new TensorView[node.Inputs.Length];
        _outputs = new TensorView[node.Outputs.Length];
        int passRows = Math.Min(mostRows, PanelProduct.MostRows);
        _logitBytes = Scratch.Lines((long)passRows * experts * sizeof(float));
        _productBytes = Scratch.Lines(product.WorkerBytes);
        _workerBytes = _productBytes + stage.WorkerBytes;
        _scratch.Require(stage.Bytes + _logitBytes + (_workerBytes * pool.Threads));
        _identity = new NativeMemoryOwner(passRows * sizeof(int));
        for (int i = 0; i < passRows; i++)
        {
            ((int*)_identity.Pointer)[i] = i;
        }
    }

    public override string Name { get; }

    byte* Workers => _memory + _stage.Bytes + _logitBytes;

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        inputs.CopyTo(_inputs);
        outputs.CopyTo(_outputs);
        _weights.Use(_inputs[_op.PrologueInputs]);
        _matrix = _weights.Matrix(0);
        _panelsPerChunk = MatMulKernel.ChunkSize(_matrix.Panels, _pool.Threads);
        int rows = _stage.Begin(_inputs, _outputs);
        _memory = _scratch.Pointer;
        _logits = (float*)(_memory + _stage.Bytes);
        for (_first = 0; _first < rows; _first += PanelProduct.MostRows)
        {
            _rows = Math.Min(PanelProduct.MostRows, rows - _first);
            _stage.Run(_first, _rows, _memory, Workers + _productBytes, _workerBytes);
            _choosing = false;
            _pool.Run(this, (_matrix.Panels + _panelsPerChunk - 1) / _panelsPerChunk);
            _choosing = true;
            if (_rows >= ManyRows)
            {
                _pool.Run(this, _rows);
                continue;
            }

            for (int row = 0; row < _rows; row++)
            {
                Choose(row, 0);
            }
        }
    }

    public void Execute(int chunk, int worker)
    {
        if (_choosing)
        {
            Choose(chunk, worker);
            return;
        }

        int panel = chunk * _panelsPerChunk;
        RowList rows = new((nint)_identity.Pointer, (nint)_identity.Pointer, _rows);
        _product.Multiply(
            _matrix,
            panel,
            Math.Min(_panelsPerChunk, _matrix.Panels - panel),
            rows,
            _logits + (panel * PanelProduct.PanelRows),
            _matrix.Count,
            _memory,
            Workers + (_workerBytes * worker));
    }

    protected override void Dispose(bool disposing)
    {
        _weights.Dispose();
        _identity.Dispose();
        _scratch.Dispose();
    }

    void Choose(int row, int worker)
    {
        int used = _op.Router.Used;
        long at = (long)(_first + row) * used;
        _choices[worker].Choose(
            new ReadOnlySpan<float>(_logits + ((long)row * _matrix.Count), _matrix.Count),
            _op.Bias ? (float*)_inputs[_op.PrologueInputs + 1].Data : null,
            (int*)_outputs[_op.PrologueOutputs].Data + at,
            (float*)_outputs[_op.PrologueOutputs + 1].Data + at);
    }
}
