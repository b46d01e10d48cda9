using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Rope;

using Rope = OpenAutoGlm.Graph.Ops.Rope;

/// <summary>Rotary positions, every token by itself. y may be x.</summary>
sealed unsafe class RopeKernel<T>(string name, WorkerPool pool, Rope op, RopeAngles angles) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
{
    int _tokensPerChunk;

    public override void Execute(int chunk, int worker)
    {
        (int heads, int headDim) = (Inputs[0][1], Inputs[0][2]);
        int* positions = (int*)Inputs[1].Data;
        int end = Math.Min(Inputs[0][0], (chunk + 1) * _tokensPerChunk);
        for (int token = chunk * _tokensPerChunk; token < end; token++)
        {
            angles.Prepare(token, positions[token]);
            for (int head = 0; head < heads; head++)
            {
                long offset = (((long)token * heads) + head) * headDim;
                RopeHead<T>.Turn(op, (float*)Inputs[0].Data + offset, angles.Cosines(token), angles.Sines(token), (float*)Outputs[0].Data + offset, headDim);
            }
        }
    }

    protected override int Begin()
    {
        angles.Begin(Inputs[2].Rank > 0 ? (float*)Inputs[2].Data : null);
        _tokensPerChunk = Math.Max(1, ChunkElements / (Inputs[0][1] * Inputs[0][2]));
        return Chunks(Inputs[0][0], _tokensPerChunk);
    }

    protected override void Dispose(bool disposing) => angles.Dispose();
}

/// <summary>The rotation of one head: y = fma(x, cos, partner · ±sin) for the elements that turn; the others stay. y may be x.</summary>
static unsafe class RopeHead<T>
    where T : struct, ILanes<T>
{
    internal static void Turn(Rope op, float* x, float* cosines, float* sines, float* y, int headDim)
    {
        if (op.Pairing == RopePairing.Interleaved)
        {
            Interleaved(x, cosines, sines, y, op.Dims);
        }
        else
        {
            Halves(x, cosines, sines, y, op.Dims / 2);
        }

        if (x != y)
        {
            new ReadOnlySpan<float>(x + op.Dims, headDim - op.Dims).CopyTo(new Span<float>(y + op.Dims, headDim - op.Dims));
        }
    }

    [MethodImpl(Jit.Loop)]
    static void Interleaved(float* x, float* cosines, float* sines, float* y, int dims)
    {
        for (int i = 0; i < dims; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, dims - i);
            T part = T.LoadFirst(x + i, count);
            T turned = T.SwapNeighbours(part) * T.LoadFirst(sines + i, count);
            T.StoreFirst(T.MultiplyAdd(part, T.LoadFirst(cosines + i, count), turned), y + i, count);
        }
    }

    [MethodImpl(Jit.Loop)]
    static void Halves(float* x, float* cosines, float* sines, float* y, int half)
    {
        for (int i = 0; i < half; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, half - i);
            T first = T.LoadFirst(x + i, count);
            T second = T.LoadFirst(x + half + i, count);
            T.StoreFirst(T.MultiplyAdd(first, T.LoadFirst(cosines + i, count), second * T.LoadFirst(sines + i, count)), y + i, count);
            T.StoreFirst(
                T.MultiplyAdd(second, T.LoadFirst(cosines + half + i, count), first * T.LoadFirst(sines + half + i, count)), y + half + i, count);
        }
    }
}
