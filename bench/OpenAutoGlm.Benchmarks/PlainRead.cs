using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Benchmarks;

/// <summary>Reads a tensor with all threads and does nothing else: what kernels that read it cannot exceed.</summary>
sealed unsafe class PlainRead : IParallelJob
{
    const int ChunkBytes = 1 << 18;
    Tensor? _tensor;
    long _sum;

    internal void Run(WorkerPool pool, Tensor tensor)
    {
        _tensor = tensor;
        pool.Run(this, (int)((tensor.Bytes + ChunkBytes - 1) / ChunkBytes));
    }

    public void Execute(int chunk, int worker)
    {
        byte* from = _tensor!.Data + ((long)chunk * ChunkBytes);
        _sum += MemoryRead.Sum(from, Math.Min(ChunkBytes, _tensor.Data + _tensor.Bytes - from));
    }
}
