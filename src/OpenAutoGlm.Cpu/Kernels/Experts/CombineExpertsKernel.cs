using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Experts;

/// <summary>y = Σ_j w_j · x_j, one fused multiply-add for each expert in the order of choice.</summary>
sealed unsafe class CombineExpertsKernel<T>(string name, WorkerPool pool) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    [MethodImpl(Jit.Loop)]
    protected override void Row(int token, int worker)
    {
        (int used, int n) = (Inputs[0][1], Outputs[0].RowLength);
        float* x = (float*)Inputs[0].Data + ((long)token * used * n);
        float* weights = (float*)Inputs[1].Data + ((long)token * used);
        float* y = (float*)Outputs[0].Data + ((long)token * n);
        for (int i = 0; i < n; i += ILanes<T>.Count)
        {
            int count = Math.Min(ILanes<T>.Count, n - i);
            T sum = T.Zero;
            for (int j = 0; j < used; j++)
            {
                sum = T.MultiplyAdd(T.Broadcast(weights[j]), T.LoadFirst(x + ((long)j * n) + i, count), sum);
            }

            T.StoreFirst(sum, y + i, count);
        }
    }
}
