using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>y = x · wᵀ: the panels of the weight are shared out among the threads; each panel meets all rows of x.</summary>
sealed unsafe class MatMulKernel : ParallelKernel
{
    /// <summary>Rows of x that are made ready at once; more are done in several passes over the weights.</summary>
    const int PassRows = 1024;

    readonly PanelProduct _product;
    readonly Scratch _scratch;
    readonly NativeMemoryOwner _identity;
    readonly long _sharedBytes;
    readonly long _workerBytes;
    WeightRows _weights;
    float* _y;
    byte* _memory;
    int _rows;
    int _panels;
    int _panelsPerChunk;

    internal MatMulKernel(string name, WorkerPool pool, PanelProduct product, Scratch scratch, int mostRows)
        : base(name, pool)
    {
        _product = product;
        _scratch = scratch;
        int passRows = Math.Min(mostRows, PassRows);
        _sharedBytes = Scratch.Lines(product.SharedBytes(passRows));
        _workerBytes = Scratch.Lines(product.WorkerBytes);
        scratch.Require(_sharedBytes + (_workerBytes * pool.Threads));
        _identity = new NativeMemoryOwner(passRows * sizeof(int));
        for (int i = 0; i < passRows; i++)
        {
            ((int*)_identity.Pointer)[i] = i;
        }
    }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        (TensorView x, TensorView weight) = (inputs[0], inputs[1]);
        (int m, int k, int n) = (x.RowCount, x.RowLength, weight.RowCount);
        _weights = new WeightRows((nint)weight.Data, weight.RowBytes, n);
        _memory = _scratch.Pointer;
        _panels = Chunks(n, PanelProduct.PanelRows);
        _panelsPerChunk = Math.Clamp(_panels / (Pool.Threads * 8), 1, 8);
        for (int start = 0; start < m; start += PassRows)
        {
            _rows = Math.Min(PassRows, m - start);
            _y = (float*)outputs[0].Data + ((long)start * n);
            _product.Load((float*)x.Data + ((long)start * k), _rows, _memory, Pool);
            Pool.Run(this, Chunks(_panels, _panelsPerChunk));
        }
    }

    public override void Execute(int chunk, int worker)
    {
        byte* scratch = _memory + _sharedBytes + (_workerBytes * worker);
        RowList all = new((nint)_identity.Pointer, (nint)_identity.Pointer, _rows);
        int end = Math.Min(_panels, (chunk + 1) * _panelsPerChunk);
        for (int panel = chunk * _panelsPerChunk; panel < end; panel++)
        {
            for (int start = 0; start < _rows; start += PanelProduct.MostRows)
            {
                RowList rows = all.Slice(start, Math.Min(PanelProduct.MostRows, _rows - start));
                _product.Multiply(_weights, panel, rows, _y, _memory, scratch);
            }
        }
    }

    protected override int Begin() => 0;

    protected override void Dispose(bool disposing)
    {
        _identity.Dispose();
        _scratch.Dispose();
    }
}
