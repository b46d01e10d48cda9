using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>T² · Σ p (ln p − ln q) of every row, the sum in the order of lanes.</summary>
sealed unsafe class DistillationKernel<T>(string name, WorkerPool pool, float temperature) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
{
    const int Lanes = 16;

    public override void Execute(int chunk, int worker)
    {
        int vocab = Inputs[0].RowLength;
        float* student = (float*)Inputs[0].Data + ((long)chunk * vocab);
        float* teacher = (float*)Inputs[1].Data + ((long)chunk * vocab);
        float studentSum = (float)LogSums<T>.Of(student, vocab, 1 / temperature);
        float teacherSum = (float)LogSums<T>.Of(teacher, vocab, 1 / temperature);
        ((float*)Outputs[0].Data)[chunk] = temperature * temperature * Divergence(student, teacher, studentSum, teacherSum, 1 / temperature, vocab);
        ((float*)Outputs[1].Data)[2 * chunk] = studentSum;
        ((float*)Outputs[1].Data)[(2 * chunk) + 1] = teacherSum;
    }

    protected override int Begin() => Inputs[0].RowCount;

    [MethodImpl(Jit.Loop)]
    static float Divergence(float* student, float* teacher, float studentSum, float teacherSum, float factor, int count)
    {
        T sum = T.Zero;
        for (int i = 0; i < count; i += Lanes)
        {
            int rest = Math.Min(Lanes, count - i);
            T p = (T.LoadFirst(teacher + i, rest) * T.Broadcast(factor)) - T.Broadcast(teacherSum);
            T q = (T.LoadFirst(student + i, rest) * T.Broadcast(factor)) - T.Broadcast(studentSum);
            T part = Functions.Exp(p) * (p - q);
            sum += rest == Lanes ? part : Functions.Keep(part, rest);
        }

        return T.Sum(sum);
    }
}

/// <summary>dlogits = factor · T · (q − p), row by row. dlogits may be logits.</summary>
sealed unsafe class DistillationGradientKernel<T>(string name, WorkerPool pool, float temperature) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    const int Lanes = 16;

    protected override int RowElements => 8 * Outputs[0].RowLength;

    protected override void Row(int row, int worker)
    {
        int vocab = Outputs[0].RowLength;
        long at = (long)row * vocab;
        float* sums = (float*)Inputs[2].Data + (2 * row);
        Of((float*)Inputs[0].Data + at, (float*)Inputs[1].Data + at, sums[0], sums[1], 1 / temperature, ((float*)Inputs[3].Data)[row] * temperature, (float*)Outputs[0].Data + at, vocab);
    }

    [MethodImpl(Jit.Loop)]
    static void Of(float* student, float* teacher, float studentSum, float teacherSum, float factor, float scale, float* gradient, int count)
    {
        for (int i = 0; i < count; i += Lanes)
        {
            int rest = Math.Min(Lanes, count - i);
            T p = Functions.Exp((T.LoadFirst(teacher + i, rest) * T.Broadcast(factor)) - T.Broadcast(teacherSum));
            T q = Functions.Exp((T.LoadFirst(student + i, rest) * T.Broadcast(factor)) - T.Broadcast(studentSum));
            T.StoreFirst((q - p) * T.Broadcast(scale), gradient + i, rest);
        }
    }
}
