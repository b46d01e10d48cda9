using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Normalisation;

/// <summary>The norm of every row by itself. y may be x.</summary>
sealed unsafe class RmsNormKernel<T>(string name, WorkerPool pool, float epsilon) : RowKernel(name, pool)
    where T : struct, ILanes<T>
{
    protected override void Row(int row, int worker)
    {
        int n = Outputs[0].RowLength;
        RmsNormRow<T>.Of((float*)Inputs[0].Data + ((long)row * n), (float*)Inputs[1].Data, (float*)Outputs[0].Data + ((long)row * n), n, epsilon);
    }
}

/// <summary>y = (x · scale) · w with scale = 1 / √(Σx² / n + ε), the sum in the order of lanes: of a row, or of a head. y may be x.</summary>
static unsafe class RmsNormRow<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(Jit.Loop)]
    internal static void Of(float* x, float* weight, float* y, int n, float epsilon)
    {
        int whole = n / ILanes<T>.Count * ILanes<T>.Count;
        T squares = T.Zero;
        for (int i = 0; i < whole; i += ILanes<T>.Count)
        {
            T part = T.Load(x + i);
            squares = T.MultiplyAdd(part, part, squares);
        }

        if (whole < n)
        {
            T part = T.LoadFirst(x + whole, n - whole);
            squares = T.MultiplyAdd(part, part, squares);
        }

        T scale = T.Broadcast(1 / MathF.Sqrt((T.Sum(squares) / n) + epsilon));
        for (int i = 0; i < whole; i += ILanes<T>.Count)
        {
            T.Store(T.Load(x + i) * scale * T.Load(weight + i), y + i);
        }

        if (whole < n)
        {
            T.StoreFirst(T.LoadFirst(x + whole, n - whole) * scale * T.LoadFirst(weight + whole, n - whole), y + whole, n - whole);
        }
    }
}
