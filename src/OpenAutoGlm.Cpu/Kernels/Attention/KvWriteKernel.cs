using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>Rows of new tokens into their slots of KV memory. Two tokens never share a slot.</summary>
sealed unsafe class KvWriteKernel(string name, WorkerPool pool) : ParallelKernel(name, pool)
{
    int _elements;
    int _tokensPerChunk;

    public override void Execute(int chunk, int worker)
    {
        int* slots = (int*)Inputs[2].Data;
        int end = Math.Min(Inputs[1][0], (chunk + 1) * _tokensPerChunk);
        for (int token = chunk * _tokensPerChunk; token < end; token++)
        {
            float* row = (float*)Inputs[1].Data + ((long)token * _elements);
            for (int head = 0; head < Inputs[1][1]; head++)
            {
                KvRow.Write(Outputs[0], slots[token], head, row + (head * Inputs[1][2]));
            }
        }
    }

    protected override int Begin()
    {
        _elements = Inputs[1][1] * Inputs[1][2];
        _tokensPerChunk = Math.Max(1, ChunkElements / _elements);
        return Chunks(Inputs[1][0], _tokensPerChunk);
    }
}

/// <summary>One head of one token into KV memory.</summary>
static unsafe class KvRow
{
    internal static void Write(in TensorView memory, int slot, int head, float* row)
    {
        (int slots, int heads, int headDim) = (memory[0], memory[1], memory[2]);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)slots, nameof(slot));
        new ReadOnlySpan<float>(row, headDim).CopyTo(new Span<float>((float*)memory.Data + ((((long)slot * heads) + head) * headDim), headDim));
    }
}
