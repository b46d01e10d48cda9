using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>What a row adds to a sum over all rows: factor · dy, or factor · dy · x.</summary>
enum ColumnSum
{
    /// <summary>dy.</summary>
    Bias,

    /// <summary>dy · x / √(mean(x²) + ε).</summary>
    RmsNorm,
}

/// <summary>
/// Sums over rows, added to a gradient: each chunk of rows by itself, and the chunks in order, so that the threads do not matter.
/// </summary>
sealed unsafe class ColumnSumKernel<T> : Kernel, IParallelJob
    where T : struct, ILanes<T>
{
    const int ChunkRows = 128;
    const int Lanes = 16;

    readonly ColumnSum _sum;
    readonly WorkerPool _pool;
    readonly Scratch _scratch;
    readonly float _epsilon;
    byte* _partial;
    byte* _x;
    byte* _dy;
    int _rows;
    int _n;

    internal ColumnSumKernel(string name, ColumnSum sum, WorkerPool pool, Scratch scratch, int mostRows, int n, float epsilon = 0)
    {
        (Name, _sum, _pool, _scratch, _epsilon) = (name, sum, pool, scratch, epsilon);
        scratch.Require(((mostRows + ChunkRows - 1) / ChunkRows) * Scratch.Lines((long)n * sizeof(float)));
    }

    public override string Name { get; }

    public override void Run(ReadOnlySpan<TensorView> inputs, ReadOnlySpan<TensorView> outputs)
    {
        TensorView dy = inputs[^1];
        _partial = _scratch.Pointer;
        _x = inputs[1].Data;
        _dy = dy.Data;
        _rows = dy.RowCount;
        _n = dy.RowLength;
        int chunks = (_rows + ChunkRows - 1) / ChunkRows;
        _pool.Run(this, chunks);
        float* gradient = (float*)outputs[0].Data;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            AddRow(Partial(chunk), gradient, _n);
        }
    }

    public void Execute(int chunk, int worker)
    {
        float* sums = Partial(chunk);
        new Span<float>(sums, _n).Clear();
        int end = Math.Min(_rows, (chunk + 1) * ChunkRows);
        for (int row = chunk * ChunkRows; row < end; row++)
        {
            float* dy = (float*)_dy + ((long)row * _n);
            if (_sum == ColumnSum.Bias)
            {
                AddRow(dy, sums, _n);
            }
            else
            {
                float* x = (float*)_x + ((long)row * _n);
                AddProduct(x, dy, NormScale<T>.Of(x, _n, _epsilon), sums, _n);
            }
        }
    }

    protected override void Dispose(bool disposing) => _scratch.Dispose();

    float* Partial(int chunk) => (float*)(_partial + (chunk * Scratch.Lines((long)_n * sizeof(float))));

    [MethodImpl(Jit.Loop)]
    static void AddRow(float* row, float* sums, int n)
    {
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            T.Store(T.Load(sums + i) + T.Load(row + i), sums + i);
        }

        if (i < n)
        {
            T.StoreFirst(T.LoadFirst(sums + i, n - i) + T.LoadFirst(row + i, n - i), sums + i, n - i);
        }
    }

    [MethodImpl(Jit.Loop)]
    static void AddProduct(float* x, float* dy, float scale, float* sums, int n)
    {
        T by = T.Broadcast(scale);
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            T.Store(T.MultiplyAdd(T.Load(x + i) * by, T.Load(dy + i), T.Load(sums + i)), sums + i);
        }

        if (i < n)
        {
            int rest = n - i;
            T.StoreFirst(T.MultiplyAdd(T.LoadFirst(x + i, rest) * by, T.LoadFirst(dy + i, rest), T.LoadFirst(sums + i, rest)), sums + i, rest);
        }
    }
}

/// <summary>1 / √(Σx² / n + ε), the sum in the order of lanes.</summary>
static unsafe class NormScale<T>
    where T : struct, ILanes<T>
{
    internal static float Of(float* x, int n, float epsilon) => 1 / MathF.Sqrt((AttentionTiles<T>.Dot(x, x, n) / n) + epsilon);
}
