using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>ln Σ e^(factor · x): the largest is taken out first, what is left summed in lanes, the logarithm taken in float64.</summary>
static unsafe class LogSums<T>
    where T : struct, ILanes<T>
{
    const int Lanes = 16;

    [MethodImpl(Jit.Loop)]
    internal static double Of(float* logits, int count, float factor)
    {
        int whole = count / Lanes * Lanes;
        T most = T.Broadcast(float.NegativeInfinity);
        for (int i = 0; i < whole; i += Lanes)
        {
            most = T.Max(most, T.Load(logits + i));
        }

        float largest = T.Largest(most);
        for (int i = whole; i < count; i++)
        {
            largest = MathF.Max(largest, logits[i]);
        }

        T shift = T.Broadcast(largest);
        T by = T.Broadcast(factor);
        T sum = T.Zero;
        for (int i = 0; i < whole; i += Lanes)
        {
            sum += Functions.Exp((T.Load(logits + i) - shift) * by);
        }

        if (whole < count)
        {
            sum += Functions.Keep(Functions.Exp((T.LoadFirst(logits + whole, count - whole) - shift) * by), count - whole);
        }

        return ((double)largest * factor) + Math.Log(T.Sum(sum));
    }
}
