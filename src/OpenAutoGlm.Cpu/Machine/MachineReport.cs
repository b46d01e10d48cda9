using System.Collections.Immutable;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>What this machine is and what this process may use of it.</summary>
/// <param name="Model">The processor's name for itself; "unknown" where the system does not tell.</param>
/// <param name="Architecture">X64, Arm64, …</param>
/// <param name="Cores">Cores on the machine.</param>
/// <param name="UsableCores">Cores that this process may use, after affinity and control groups.</param>
/// <param name="Caches">Caches of the first core, smallest first; empty where the system does not tell.</param>
/// <param name="Memory">Main memory.</param>
/// <param name="InUse">The strongest instruction set that the runtime lets us use.</param>
/// <param name="Extensions">
/// Instruction-set extensions that matter for language models and that the processor has, under the names of
/// /proc/cpuinfo (avx512_vnni, avx512_bf16, amx_int8, …), whether .NET has a class for them or not.
/// </param>
public sealed record MachineReport(
    string Model,
    string Architecture,
    int Cores,
    double UsableCores,
    ImmutableArray<CacheReport> Caches,
    MemoryReport Memory,
    InstructionSet InUse,
    ImmutableArray<string> Extensions);

/// <summary>A cache.</summary>
/// <param name="Level">1, 2, 3.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="SharedBy">How many cores share it.</param>
public readonly record struct CacheReport(int Level, long Bytes, int SharedBy);

/// <summary>Main memory, in bytes.</summary>
/// <param name="Total">What the machine or the control group has, whichever is less.</param>
/// <param name="Available">What can still be used without swapping, within the control group; page cache counts as available.</param>
/// <param name="Nodes">Over how many nodes, of sockets for example, weights are spread.</param>
public readonly record struct MemoryReport(long Total, long Available, int Nodes);

/// <summary>What the machine reached in a short measurement; the best of several rounds, as neighbours only slow down.</summary>
/// <param name="Threads">Threads that measured, the caller included.</param>
/// <param name="ReadBytesPerSecond">Streaming read of main memory with all threads.</param>
/// <param name="ReadBytesPerSecondOneThread">Streaming read of main memory with one thread.</param>
/// <param name="FloatOperationsPerSecond">float32 fused multiply-adds in registers, two operations each, all threads.</param>
/// <param name="BFloat16OperationsPerSecond">
/// bfloat16 products summed to float32 in registers, two operations each, all threads; that of float32 where the processor
/// has no such instruction, or a slower one.
/// </param>
/// <param name="ByteOperationsPerSecond">
/// int8 products summed to int32 in registers, two operations each, all threads, by the instructions that the kernels use.
/// </param>
public sealed record MachineSpeed(
    int Threads,
    double ReadBytesPerSecond,
    double ReadBytesPerSecondOneThread,
    double FloatOperationsPerSecond,
    double BFloat16OperationsPerSecond,
    double ByteOperationsPerSecond);
