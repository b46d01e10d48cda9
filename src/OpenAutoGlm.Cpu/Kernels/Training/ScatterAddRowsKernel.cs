using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>Rows added where their ids say, in order: a chunk is some columns of all rows, so that no two threads write to one place.</summary>
sealed unsafe class ScatterAddRowsKernel<T>(string name, WorkerPool pool) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
{
    const int Lanes = 16;
    const int ChunkColumns = 64;

    public override void Execute(int chunk, int worker)
    {
        int n = Outputs[0].RowLength;
        int first = chunk * ChunkColumns;
        int columns = Math.Min(ChunkColumns, n - first);
        int* ids = (int*)Inputs[1].Data;
        for (int i = 0; i < Inputs[1].RowLength; i++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)ids[i], (uint)Outputs[0].RowCount, "ids");
            Add((float*)Inputs[2].Data + ((long)i * n) + first, (float*)Outputs[0].Data + ((long)ids[i] * n) + first, columns);
        }
    }

    protected override int Begin() => Chunks(Outputs[0].RowLength, ChunkColumns);

    [MethodImpl(Jit.Loop)]
    static void Add(float* from, float* to, int count)
    {
        int i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            T.Store(T.Load(to + i) + T.Load(from + i), to + i);
        }

        for (; i < count; i++)
        {
            to[i] += from[i];
        }
    }
}

/// <summary>Zeros.</summary>
sealed unsafe class ZerosKernel(string name, WorkerPool pool) : ParallelKernel(name, pool)
{
    const int Piece = 1 << 16;

    public override void Execute(int chunk, int worker)
    {
        long count = (long)Outputs[0].RowCount * Outputs[0].RowLength;
        long start = (long)chunk * Piece;
        new Span<float>((float*)Outputs[0].Data + start, (int)Math.Min(Piece, count - start)).Clear();
    }

    protected override int Begin() => Chunks(checked(Outputs[0].RowCount * Outputs[0].RowLength), Piece);
}
