using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Kernels.Elementwise;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Cpu.Kernels.Fused;

/// <summary>y = f(gate) · up for a row of a chunk.</summary>
abstract unsafe class Gate<T>
    where T : struct, ILanes<T>
{
    internal static Gate<T> Of(Activation function) => function switch
    {
        Activation.Silu => new GateOf<T, SiluOf<T>>(),
        Activation.Sigmoid => new GateOf<T, SigmoidOf<T>>(),
        Activation.GeluTanh => new GateOf<T, GeluTanhOf<T>>(),
        Activation.GeluErf => new GateOf<T, GeluErfOf<T>>(),
        Activation.Relu => new GateOf<T, ReluOf<T>>(),
        _ => throw new NotSupportedException($"There is no activation {function}."),
    };

    internal abstract void Row(float* gate, float* up, float* y, int count);
}

/// <summary>The gate with one function.</summary>
sealed unsafe class GateOf<T, TFunction> : Gate<T>
    where T : struct, ILanes<T>
    where TFunction : struct, IUnary<T>
{
    [MethodImpl(Jit.Loop)]
    internal override void Row(float* gate, float* up, float* y, int count)
    {
        int i = 0;
        for (; i <= count - ILanes<T>.Count; i += ILanes<T>.Count)
        {
            T.Store(TFunction.Of(T.Load(gate + i), T.Zero) * T.Load(up + i), y + i);
        }

        if (i < count)
        {
            Rest(gate + i, up + i, y + i, count - i);
        }
    }

    /// <summary>The last elements, apart from the loop: the compiler inlines only so much into one method.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Rest(float* gate, float* up, float* y, int count) =>
        T.StoreFirst(TFunction.Of(T.LoadFirst(gate, count), T.Zero) * T.LoadFirst(up, count), y, count);
}
