using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Cpu.Tuning;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>y = x · wᵀ: the panels of the weight are shared out among the threads; each panel meets all rows of x.</summary>
sealed unsafe class MatMulKernel : ParallelKernel, ITunable
{
    readonly PanelProduct _product;
    readonly WeightPanels _weights;
    readonly Scratch _scratch;
    readonly RowLoader _loader;
    readonly NativeMemoryOwner _identity;
    readonly long _sharedBytes;
    readonly long _workerBytes;
    PackedWeights _matrix;
    float* _y;
    byte* _memory;
    int _rows;
    int _panelsPerChunk;

    public string TuningKey { get; }

    public ReadOnlySpan<int> Choices => [2, 4, 8, 16, 32];

    /// <summary>Panels that a thread takes at a time.</summary>
    public int Choice { get; set; }

    internal MatMulKernel(string name, WorkerPool pool, PanelProduct product, Value weight, WeightStore store, Scratch scratch, int mostRows)
        : base(name, pool)
    {
        _product = product;
        _weights = new WeightPanels(weight, product, pool, store);
        _scratch = scratch;
        _loader = new RowLoader(product.Activations, pool);
        int panels = Chunks(weight.Type.Shape[0].Size, PanelProduct.PanelRows);
        Choice = ChunkSize(panels, pool.Threads);
        TuningKey = $"panels per chunk of {product.Name} [{weight.Type.Shape[0]}, {weight.Type.Shape[1]}]";
        int passRows = Math.Min(mostRows, PanelProduct.MostRows);
        _sharedBytes = Scratch.Lines(product.Activations.Bytes(passRows));
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
        _weights.Use(weight);
        _matrix = _weights.Matrix(0);
        _memory = _scratch.Pointer;
        _panelsPerChunk = Choice;
        for (int start = 0; start < m; start += PanelProduct.MostRows)
        {
            _rows = Math.Min(PanelProduct.MostRows, m - start);
            _y = (float*)outputs[0].Data + ((long)start * n);
            _loader.Run((float*)x.Data + ((long)start * k), _rows, _memory);
            Pool.Run(this, Chunks(_matrix.Panels, _panelsPerChunk));
        }
    }

    public override void Execute(int chunk, int worker)
    {
        byte* scratch = _memory + _sharedBytes + (_workerBytes * worker);
        RowList rows = new((nint)_identity.Pointer, (nint)_identity.Pointer, _rows);
        int panel = chunk * _panelsPerChunk;
        int panels = Math.Min(_panelsPerChunk, _matrix.Panels - panel);
        _product.Multiply(_matrix, panel, panels, rows, _y + (panel * PanelProduct.PanelRows), _matrix.Count, _memory, scratch);
    }

    /// <summary>
    /// Panels that a thread takes at a time: some chunks for each thread, so that a slow core does less; a group of panels, which is one stream, or where there are few a half or a quarter of one.
    /// </summary>
    internal static int ChunkSize(int panels, int threads) => (panels / (threads * 4)) switch
    {
        >= PackedWeights.GroupPanels => PackedWeights.GroupPanels,
        >= PackedWeights.GroupPanels / 2 => PackedWeights.GroupPanels / 2,
        _ => PackedWeights.GroupPanels / 4,
    };

    protected override int Begin() => 0;

    protected override void Dispose(bool disposing)
    {
        _weights.Dispose();
        _identity.Dispose();
        _scratch.Dispose();
    }
}

/// <summary>Makes rows of activations ready, by all threads where there are many.</summary>
sealed unsafe class RowLoader(Activations activations, WorkerPool pool) : IParallelJob
{
    const int FewElements = 16384;

    float* _x;
    byte* _memory;

    internal void Run(float* x, int rows, byte* memory)
    {
        _x = x;
        _memory = memory;
        if ((long)rows * activations.K < FewElements)
        {
            for (int row = 0; row < rows; row++)
            {
                Execute(row, 0);
            }
        }
        else
        {
            pool.Run(this, rows);
        }
    }

    public void Execute(int chunk, int worker) => activations.Load(_x + ((long)chunk * activations.K), chunk, _memory);
}
