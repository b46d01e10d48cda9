using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Normalisation;

/// <summary>y = e^(x − max) / Σ e^(x − max), the sum in the order of lanes. y may be x.</summary>
sealed unsafe class SoftmaxKernel<T>(string name, WorkerPool pool) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    [MethodImpl(Jit.Loop)]
    protected override void Row(int row, int worker)
    {
        int n = Outputs[0].RowLength;
        float* x = (float*)Inputs[0].Data + ((long)row * n);
        float* y = (float*)Outputs[0].Data + ((long)row * n);
        int whole = n / ILanes<T>.Count * ILanes<T>.Count;
        T largest = T.Broadcast(x[0]);
        for (int i = 0; i < whole; i += ILanes<T>.Count)
        {
            largest = T.Max(largest, T.Load(x + i));
        }

        for (int i = whole; i < n; i++)
        {
            largest = T.Max(largest, T.Broadcast(x[i]));
        }

        T shift = T.Broadcast(T.Largest(largest));
        T sum = T.Zero;
        for (int i = 0; i < n; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, n - i);
            T part = Functions.Exp(T.LoadFirst(x + i, count) - shift);
            part = count == ILanes<T>.Count ? part : Functions.Keep(part, count);
            sum += part;
            T.StoreFirst(part, y + i, count);
        }

        T total = T.Broadcast(T.Sum(sum));
        for (int i = 0; i < n; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, n - i);
            T.StoreFirst(T.LoadFirst(y + i, count) / total, y + i, count);
        }
    }
}
