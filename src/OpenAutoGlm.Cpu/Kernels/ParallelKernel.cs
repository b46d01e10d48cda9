using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels;

/// <summary>A kernel whose work falls into chunks that any thread may do.</summary>
abstract class ParallelKernel(string name, WorkerPool pool) : Kernel, IParallelJob
{
    /// <summary>Floats that are worth a thread's attention when little is computed with each: some microseconds.</summary>
    protected const int ChunkElements = 8192;

    readonly TensorView[] _inputs = new TensorView[8];
    readonly TensorView[] _outputs = new TensorView[4];

    public sealed override string Name => name;

    protected WorkerPool Pool => pool;

    protected ReadOnlySpan<TensorView> Inputs => _inputs;

    protected ReadOnlySpan<TensorView> Outputs => _outputs;

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        inputs.CopyTo(_inputs);
        outputs.CopyTo(_outputs);
        pool.Run(this, Begin());
    }

    public abstract void Execute(int chunk, int worker);

    /// <summary>Looks at the inputs and outputs of this run and says in how many chunks it falls.</summary>
    protected abstract int Begin();

    protected static int Chunks(int count, int perChunk) => (count + perChunk - 1) / perChunk;
}

/// <summary>A kernel that treats every row by itself.</summary>
abstract class RowKernel(string name, WorkerPool pool) : ParallelKernel(name, pool)
{
    int _rows;
    int _rowsPerChunk;

    public sealed override void Execute(int chunk, int worker)
    {
        int end = Math.Min(_rows, (chunk + 1) * _rowsPerChunk);
        for (int row = chunk * _rowsPerChunk; row < end; row++)
        {
            Row(row, worker);
        }
    }

    protected override int Begin()
    {
        _rows = Outputs[0].RowCount;
        _rowsPerChunk = Math.Max(1, ChunkElements / RowElements);
        return Chunks(_rows, _rowsPerChunk);
    }

    /// <summary>What a row costs, in elements of an easy op.</summary>
    protected virtual int RowElements => Outputs[0].RowLength;

    protected abstract void Row(int row, int worker);
}
