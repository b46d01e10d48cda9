using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Elementwise;

/// <summary>A function of two numbers.</summary>
interface IBinary<T>
    where T : struct, ILanes<T>
{
    static abstract T Of(T a, T b);
}

/// <summary>y = f(a, b) for every element; b has the shape of a, or is one row for every row of a. y may be a or b.</summary>
sealed unsafe class BinaryKernel<T, TFunction>(string name, WorkerPool pool) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
    where TFunction : struct, IBinary<T>
{
    int _rows;
    int _rowsPerChunk;

    public override void Execute(int chunk, int worker)
    {
        float* a = (float*)Inputs[0].Data;
        float* b = (float*)Inputs[1].Data;
        float* y = (float*)Outputs[0].Data;
        if (_rowsPerChunk == 0)
        {
            long start = (long)chunk * ChunkElements;
            long count = Math.Min(ChunkElements, ((long)Outputs[0].RowCount * Outputs[0].RowLength) - start);
            Row(a + start, b + start, y + start, (int)count);
            return;
        }

        int end = Math.Min(_rows, (chunk + 1) * _rowsPerChunk);
        int length = Outputs[0].RowLength;
        for (int row = chunk * _rowsPerChunk; row < end; row++)
        {
            long start = (long)row * length;
            Row(a + start, b, y + start, length);
        }
    }

    protected override int Begin()
    {
        _rows = Outputs[0].RowCount;
        bool sameShape = (long)Inputs[1].RowCount * Inputs[1].RowLength == (long)_rows * Outputs[0].RowLength;
        _rowsPerChunk = sameShape ? 0 : Math.Max(1, ChunkElements / Outputs[0].RowLength);
        return sameShape ? Chunks(checked(_rows * Outputs[0].RowLength), ChunkElements) : Chunks(_rows, _rowsPerChunk);
    }

    /// <summary>y = f(a, b) for so many elements.</summary>
    [MethodImpl(Jit.Loop)]
    internal static void Row(float* a, float* b, float* y, int count)
    {
        int i = 0;
        for (; i <= count - ILanes<T>.Count; i += ILanes<T>.Count)
        {
            T.Store(TFunction.Of(T.Load(a + i), T.Load(b + i)), y + i);
        }

        if (i < count)
        {
            T.StoreFirst(TFunction.Of(T.LoadFirst(a + i, count - i), T.LoadFirst(b + i, count - i)), y + i, count - i);
        }
    }
}

struct SumOf<T> : IBinary<T>
    where T : struct, ILanes<T>
{
    public static T Of(T a, T b) => a + b;
}

struct ProductOf<T> : IBinary<T>
    where T : struct, ILanes<T>
{
    public static T Of(T a, T b) => a * b;
}
