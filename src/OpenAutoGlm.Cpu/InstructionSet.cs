using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OpenAutoGlm.Cpu;

/// <summary>The kinds of vector instructions that kernels are written for, weakest first.</summary>
public enum InstructionSet
{
    /// <summary>No vectors: the twin that every other set is compared with.</summary>
    Scalar,

    /// <summary>128-bit vectors of any processor: SSE on x64, NEON on Arm.</summary>
    Vector128,

    /// <summary>256-bit AVX2 with FMA.</summary>
    Avx2,

    /// <summary>512-bit AVX-512 F, BW, DQ and VL.</summary>
    Avx512,
}

/// <summary>Finds out what the processor and the runtime's switches allow.</summary>
public static class InstructionSets
{
    /// <summary>
    /// The strongest set to be used. The runtime's switches (DOTNET_EnableAVX512=0, DOTNET_EnableAVX2=0,
    /// DOTNET_EnableHWIntrinsic=0) are obeyed, because it is the runtime that is asked.
    /// </summary>
    public static InstructionSet Best { get; } = Detect();

    /// <summary>Every set that runs here, weakest first.</summary>
    public static IEnumerable<InstructionSet> Available => Enum.GetValues<InstructionSet>().Where(set => set <= Best);

    static InstructionSet Detect()
    {
        bool avx2 = Avx2.IsSupported && Fma.IsSupported;
        bool avx512 = avx2 && Vector512.IsHardwareAccelerated && Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported;
        return avx512 ? InstructionSet.Avx512
            : avx2 ? InstructionSet.Avx2
            : Vector128.IsHardwareAccelerated ? InstructionSet.Vector128 : InstructionSet.Scalar;
    }
}
