using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Kernels.Elementwise;

/// <summary>A function of one number, with a parameter that some have.</summary>
interface IUnary<T>
    where T : struct, ILanes<T>
{
    static abstract T Of(T x, T parameter);
}

/// <summary>y = f(x) for every element. y may be x.</summary>
sealed unsafe class UnaryKernel<T, TFunction>(string name, WorkerPool pool, float parameter = 0) : ParallelKernel(name, pool)
    where T : struct, ILanes<T>
    where TFunction : struct, IUnary<T>
{
    [MethodImpl(Jit.Loop)]
    public override void Execute(int chunk, int worker)
    {
        float* x = (float*)Inputs[0].Data;
        float* y = (float*)Outputs[0].Data;
        long count = (long)Outputs[0].RowCount * Outputs[0].RowLength;
        long i = (long)chunk * ChunkElements;
        long end = Math.Min(count, i + ChunkElements);
        T value = T.Broadcast(parameter);
        for (; i <= end - ILanes<T>.Count; i += ILanes<T>.Count)
        {
            T.Store(TFunction.Of(T.Load(x + i), value), y + i);
        }

        if (i < end)
        {
            T.StoreFirst(TFunction.Of(T.LoadFirst(x + i, (int)(end - i)), value), y + i, (int)(end - i));
        }
    }

    protected override int Begin() => Chunks(checked(Outputs[0].RowCount * Outputs[0].RowLength), ChunkElements);
}

struct ScaleOf<T> : IUnary<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of(T x, T parameter) => x * parameter;
}

struct SiluOf<T> : IUnary<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of(T x, T parameter) => Functions.Silu(x);
}

struct SigmoidOf<T> : IUnary<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of(T x, T parameter) => Functions.Sigmoid(x);
}

struct GeluTanhOf<T> : IUnary<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of(T x, T parameter) => Functions.GeluTanh(x);
}

struct GeluErfOf<T> : IUnary<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of(T x, T parameter) => Functions.GeluErf(x);
}

struct ReluOf<T> : IUnary<T>
    where T : struct, ILanes<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of(T x, T parameter) => T.Max(x, T.Zero);
}
