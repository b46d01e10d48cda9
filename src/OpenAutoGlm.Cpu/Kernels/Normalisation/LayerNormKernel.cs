using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Normalisation;

/// <summary>y = ((x − mean) · scale) · w + b with scale = 1 / √(Σ(x − mean)² / n + ε), both sums in the order of lanes. y may be x.</summary>
sealed unsafe class LayerNormKernel<T>(string name, WorkerPool pool, float epsilon) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    [MethodImpl(Jit.Loop)]
    protected override void Row(int row, int worker)
    {
        int n = Outputs[0].RowLength;
        float* x = (float*)Inputs[0].Data + ((long)row * n);
        float* weight = (float*)Inputs[1].Data;
        float* bias = (float*)Inputs[2].Data;
        float* y = (float*)Outputs[0].Data + ((long)row * n);
        T sum = T.Zero;
        for (int i = 0; i < n; i += ILanes<T>.Count)
        {
            sum += T.LoadFirst(x + i, Math.Min(ILanes<T>.Count, n - i));
        }

        T mean = T.Broadcast(T.Sum(sum) / n);
        T squares = T.Zero;
        for (int i = 0; i < n; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, n - i);
            T difference = T.LoadFirst(x + i, count) - mean;
            difference = count == ILanes<T>.Count ? difference : Functions.Keep(difference, count);
            squares = T.MultiplyAdd(difference, difference, squares);
        }

        T scale = T.Broadcast(1 / MathF.Sqrt((T.Sum(squares) / n) + epsilon));
        for (int i = 0; i < n; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, n - i);
            T normed = (T.LoadFirst(x + i, count) - mean) * scale;
            T.StoreFirst(T.MultiplyAdd(normed, T.LoadFirst(weight + i, count), T.LoadFirst(bias + i, count)), y + i, count);
        }
    }
}
