using OpenAutoGlm.Cpu.Kernels.Experts;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>
/// Rows times the matrices of the experts chosen for them. The pairs of token and expert are sorted by expert, so that
/// the weights of an expert are read once for all its tokens; each pair's result is that of the row alone.
/// </summary>
sealed unsafe class ExpertMatMulKernel : ParallelKernel
{
    /// <summary>Rows of x that are made ready at once.</summary>
    const int PassRows = 4096;

    readonly PanelProduct _product;
    readonly Scratch _scratch;
    readonly ExpertPairs _pairs;
    readonly long _sharedBytes;
    readonly long _workerBytes;
    readonly int _passTokens;
    readonly int _used;
    readonly bool _rowForEach;
    readonly WeightPanels _weights;
    readonly RowLoader _loader;
    float* _y;
    byte* _memory;
    int _chunksPerExpert;
    int _panels;
    int _panelsPerChunk;

    internal ExpertMatMulKernel(string name, WorkerPool pool, PanelProduct product, Value weight, WeightStore store, Scratch scratch, int mostTokens, int experts, int used, bool rowForEach)
        : base(name, pool)
    {
        (_product, _scratch, _used, _rowForEach) = (product, scratch, used, rowForEach);
        _weights = new WeightPanels(weight, product, pool, store);
        _loader = new RowLoader(product.Activations, pool);
        int rowsPerToken = rowForEach ? used : 1;
        _passTokens = Math.Min(mostTokens, Math.Max(1, PassRows / rowsPerToken));
        _sharedBytes = Scratch.Lines(product.Activations.Bytes(_passTokens * rowsPerToken));
        _workerBytes = Scratch.Lines(product.WorkerBytes);
        scratch.Require(_sharedBytes + (_workerBytes * pool.Threads));
        _pairs = new ExpertPairs(experts, used, _passTokens, rowForEach);
    }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        TensorView x = inputs[0];
        _weights.Use(inputs[1]);
        int tokens = inputs[2].RowCount;
        int n = inputs[1][1];
        _memory = _scratch.Pointer;
        _panels = Chunks(n, PanelProduct.PanelRows);
        for (int start = 0; start < tokens; start += _passTokens)
        {
            int count = Math.Min(_passTokens, tokens - start);
            int rowsPerToken = _rowForEach ? _used : 1;
            _loader.Run((float*)x.Data + ((long)start * rowsPerToken * x.RowLength), count * rowsPerToken, _memory);
            _pairs.Sort((int*)inputs[2].Data + ((long)start * _used), count);
            _panelsPerChunk = MatMulKernel.ChunkSize(_panels * _pairs.Active, Pool.Threads);
            _chunksPerExpert = Chunks(_panels, _panelsPerChunk);
            _y = (float*)outputs[0].Data + ((long)start * _used * n);
            Pool.Run(this, _pairs.Active * _chunksPerExpert);
        }
    }

    public override void Execute(int chunk, int worker)
    {
        byte* scratch = _memory + _sharedBytes + (_workerBytes * worker);
        int expert = _pairs.Expert(chunk / _chunksPerExpert);
        PackedWeights weights = _weights.Matrix(expert);
        RowList all = _pairs.Rows(expert);
        int panel = chunk % _chunksPerExpert * _panelsPerChunk;
        int panels = Math.Min(_panelsPerChunk, _panels - panel);
        for (int start = 0; start < all.Count; start += PanelProduct.MostRows)
        {
            RowList rows = all.Slice(start, Math.Min(PanelProduct.MostRows, all.Count - start));
            _product.Multiply(weights, panel, panels, rows, _y + (panel * PanelProduct.PanelRows), weights.Count, _memory, scratch);
        }
    }

    protected override int Begin() => 0;

    protected override void Dispose(bool disposing)
    {
        _weights.Dispose();
        _pairs.Dispose();
        _scratch.Dispose();
    }
}
