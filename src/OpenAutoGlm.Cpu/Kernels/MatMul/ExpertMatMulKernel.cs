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
    readonly NativeMemoryOwner _lists;
    readonly long _sharedBytes;
    readonly long _workerBytes;
    readonly int _passTokens;
    readonly int _experts;
    readonly int _used;
    readonly bool _rowForEach;
    readonly int[] _starts; // [experts + 1]
    readonly int[] _active; // experts with at least one pair
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
        (_product, _scratch, _experts, _used, _rowForEach) = (product, scratch, experts, used, rowForEach);
        _weights = new WeightPanels(weight, product, pool, store);
        _loader = new RowLoader(product.Activations, pool);
        int rowsPerToken = rowForEach ? used : 1;
        _passTokens = Math.Min(mostTokens, Math.Max(1, PassRows / rowsPerToken));
        _sharedBytes = Scratch.Lines(product.Activations.Bytes(_passTokens * rowsPerToken));
        _workerBytes = Scratch.Lines(product.WorkerBytes);
        scratch.Require(_sharedBytes + (_workerBytes * pool.Threads));
        _lists = new NativeMemoryOwner(2L * _passTokens * used * sizeof(int));
        _starts = new int[experts + 1];
        _active = new int[experts];
    }

    int* XRows => (int*)_lists.Pointer;

    int* YRows => XRows + (_passTokens * _used);

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
            int active = Sort((int*)inputs[2].Data + ((long)start * _used), count * _used);
            _panelsPerChunk = MatMulKernel.ChunkSize(_panels * active, Pool.Threads);
            _chunksPerExpert = Chunks(_panels, _panelsPerChunk);
            _y = (float*)outputs[0].Data + ((long)start * _used * n);
            Pool.Run(this, active * _chunksPerExpert);
        }
    }

    public override void Execute(int chunk, int worker)
    {
        byte* scratch = _memory + _sharedBytes + (_workerBytes * worker);
        int expert = _active[chunk / _chunksPerExpert];
        PackedWeights weights = _weights.Matrix(expert);
        (int first, int last) = (_starts[expert], _starts[expert + 1]);
        int panel = chunk % _chunksPerExpert * _panelsPerChunk;
        int panels = Math.Min(_panelsPerChunk, _panels - panel);
        for (int start = first; start < last; start += PanelProduct.MostRows)
        {
            RowList rows = new((nint)(XRows + start), (nint)(YRows + start), Math.Min(PanelProduct.MostRows, last - start));
            _product.Multiply(weights, panel, panels, rows, _y + (panel * PanelProduct.PanelRows), weights.Count, _memory, scratch);
        }
    }

    protected override int Begin() => 0;

    protected override void Dispose(bool disposing)
    {
        _weights.Dispose();
        _lists.Dispose();
        _scratch.Dispose();
    }

    /// <summary>Sorts pairs by expert, keeping their order within one; returns how many experts have any.</summary>
    int Sort(int* chosen, int pairs)
    {
        Array.Clear(_starts);
        for (int pair = 0; pair < pairs; pair++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)chosen[pair], (uint)_experts, "chosen");
            _starts[chosen[pair]]++;
        }

        int active = 0;
        int sum = 0;
        for (int expert = 0; expert < _experts; expert++)
        {
            int count = _starts[expert];
            if (count > 0)
            {
                _active[active++] = expert;
            }

            _starts[expert] = sum;
            sum += count;
        }

        // Starts move to the ends of their experts while the pairs are placed, and then back by one expert.
        for (int pair = 0; pair < pairs; pair++)
        {
            int place = _starts[chosen[pair]]++;
            XRows[place] = _rowForEach ? pair : pair / _used;
            YRows[place] = pair;
        }

        for (int expert = _experts; expert > 0; expert--)
        {
            _starts[expert] = _starts[expert - 1];
        }

        _starts[0] = 0;
        return active;
    }
}
