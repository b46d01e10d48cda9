using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>dx = r · (dy · w − x · r² · mean(dy · w · x)), row by row. dx may be x or dy.</summary>
sealed unsafe class RmsNormInputGradientKernel<T>(string name, WorkerPool pool, float epsilon) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    const int Lanes = 16;

    protected override int RowElements => 2 * Outputs[0].RowLength;

    protected override void Row(int row, int worker)
    {
        int n = Outputs[0].RowLength;
        long at = (long)row * n;
        Of((float*)Inputs[0].Data + at, (float*)Inputs[1].Data, (float*)Inputs[2].Data + at, (float*)Outputs[0].Data + at, n, epsilon);
    }

    [MethodImpl(Jit.Loop)]
    static void Of(float* x, float* w, float* dy, float* dx, int n, float epsilon)
    {
        T squares = T.Zero;
        T products = T.Zero;
        int i = 0;
        for (; i <= n - Lanes; i += Lanes)
        {
            T part = T.Load(x + i);
            squares = T.MultiplyAdd(part, part, squares);
            products = T.MultiplyAdd(T.Load(dy + i) * T.Load(w + i), part, products);
        }

        if (i < n)
        {
            T part = T.LoadFirst(x + i, n - i);
            squares = T.MultiplyAdd(part, part, squares);
            products = T.MultiplyAdd(T.LoadFirst(dy + i, n - i) * T.LoadFirst(w + i, n - i), part, products);
        }

        float scale = 1 / MathF.Sqrt((T.Sum(squares) / n) + epsilon);
        T along = T.Broadcast(-(T.Sum(products) / n) * scale * scale);
        T by = T.Broadcast(scale);
        for (i = 0; i <= n - Lanes; i += Lanes)
        {
            T.Store(T.MultiplyAdd(T.Load(x + i), along, T.Load(dy + i) * T.Load(w + i)) * by, dx + i);
        }

        if (i < n)
        {
            int rest = n - i;
            T gradient = T.LoadFirst(dy + i, rest) * T.LoadFirst(w + i, rest);
            T.StoreFirst(T.MultiplyAdd(T.LoadFirst(x + i, rest), along, gradient) * by, dx + i, rest);
        }
    }
}
