using System.Runtime.CompilerServices;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>What is left of a row: fewer elements than there are lanes, by way of a copy. Whole vectors never come here, so these stay calls.</summary>
static unsafe class LaneParts
{
    /// <summary>The first lanes from memory, the others 0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static T Load<T>(void* from, int count)
        where T : struct, ILanes<T>
    {
        float* copy = stackalloc float[ILanes<T>.Count];
        for (int i = 0; i < ILanes<T>.Count; i++)
        {
            copy[i] = i < count ? ((float*)from)[i] : 0;
        }

        return T.Load(copy);
    }

    /// <summary>The first lanes to memory; what lies behind them stays.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Store<T>(T lanes, void* to, int count)
        where T : struct, ILanes<T>
    {
        float* copy = stackalloc float[ILanes<T>.Count];
        T.Store(lanes, copy);
        for (int i = 0; i < count; i++)
        {
            ((float*)to)[i] = copy[i];
        }
    }
}
