using OpenAutoGlm.Cpu.Threads;

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
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slots[token], (uint)Outputs[0][0], "slot");
            ReadOnlySpan<float> row = new((float*)Inputs[1].Data + ((long)token * _elements), _elements);
            row.CopyTo(new Span<float>((float*)Outputs[0].Data + ((long)slots[token] * _elements), _elements));
        }
    }

    protected override int Begin()
    {
        _elements = Inputs[1][1] * Inputs[1][2];
        _tokensPerChunk = Math.Max(1, ChunkElements / _elements);
        return Chunks(Inputs[1][0], _tokensPerChunk);
    }
}
