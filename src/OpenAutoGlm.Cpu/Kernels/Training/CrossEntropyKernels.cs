using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>Cross-entropy of every row: the largest logit, the sum of what is left of it in lanes, its logarithm in float64.</summary>
sealed unsafe class CrossEntropyKernel<T>(string name, WorkerPool pool) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
{
    public override void Execute(int chunk, int worker)
    {
        int vocab = Inputs[0].RowLength;
        float* logits = (float*)Inputs[0].Data + ((long)chunk * vocab);
        int target = ((int*)Inputs[1].Data)[chunk];
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)target, (uint)vocab, nameof(target));
        double logSum = LogSums<T>.Of(logits, vocab, 1);
        ((float*)Outputs[0].Data)[chunk] = (float)(logSum - logits[target]);
        ((float*)Outputs[1].Data)[chunk] = (float)logSum;
    }

    protected override int Begin() => Inputs[0].RowCount;
}

/// <summary>dlogits = factor · (softmax − 1 at the target), row by row. dlogits may be logits.</summary>
sealed unsafe class CrossEntropyGradientKernel<T>(string name, WorkerPool pool) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    const int Lanes = 16;

    protected override int RowElements => 4 * Outputs[0].RowLength;

    protected override void Row(int row, int worker)
    {
        int vocab = Outputs[0].RowLength;
        long at = (long)row * vocab;
        float* gradient = (float*)Outputs[0].Data + at;
        float factor = ((float*)Inputs[3].Data)[row];
        Of((float*)Inputs[0].Data + at, ((float*)Inputs[1].Data)[row], factor, gradient, vocab);
        gradient[((int*)Inputs[2].Data)[row]] -= factor;
    }

    [MethodImpl(Jit.Loop)]
    static void Of(float* logits, float logSum, float factor, float* gradient, int count)
    {
        T shift = T.Broadcast(logSum);
        T by = T.Broadcast(factor);
        int i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            T.Store(Functions.Exp(T.Load(logits + i) - shift) * by, gradient + i);
        }

        if (i < count)
        {
            T.StoreFirst(Functions.Exp(T.LoadFirst(logits + i, count - i) - shift) * by, gradient + i, count - i);
        }
    }
}
