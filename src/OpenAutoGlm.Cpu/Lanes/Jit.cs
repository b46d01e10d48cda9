using System.Runtime.CompilerServices;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>How methods over lanes are compiled.</summary>
static class Jit
{
    /// <summary>
    /// A loop: optimized when it is first called, and never made a part of its caller. The compiler inlines only so much into one method; where a caller takes in several loops, what
    /// is over that is called, an addition at a time.
    /// </summary>
    internal const MethodImplOptions Loop = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;
}
