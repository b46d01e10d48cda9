using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Tuning;

namespace OpenAutoGlm.Cpu;

/// <summary>What the one who makes a <see cref="CpuBackend"/> decides about it.</summary>
public sealed record CpuOptions
{
    /// <summary>Threads that compute, the caller's included; null for one on every core that this process may use.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// The strongest instruction set to use; null for the best there is. Results do not depend on it: this is for tests
    /// and for comparing.
    /// </summary>
    public InstructionSet? Strongest { get; init; }

    /// <summary>
    /// Multiply quantised weights as float32 numbers, without rounding the activations to int8. Slow; for comparing a
    /// model with exact references.
    /// </summary>
    public bool ExactArithmetic { get; init; }

    /// <summary>
    /// Multiply quantised weights as BF16 numbers by the matrix unit (AMX), with activations in BF16. Answers are nearer to exact ones than with activations in
    /// int8; prompts and many sequences at once are faster, one sequence alone is slower. Needs a machine with such a unit.
    /// </summary>
    public bool BFloat16Arithmetic { get; init; }

    /// <summary>Bind every worker to a core of its own, where the operating system lets us. The caller's thread is left alone.</summary>
    public bool PinThreads { get; init; } = true;

    /// <summary>
    /// Make machine code at run time for instructions that the runtime has no intrinsics for (512-bit VNNI and BF16 dot
    /// products, the matrix unit), where processor and system allow it. Results do not depend on it.
    /// </summary>
    public bool EmitCode { get; init; } = true;

    /// <summary>Where packed weights are kept from one start to the next; null for nowhere.</summary>
    public PlanCache? PlanCache { get; init; }

    /// <summary>Numbers that were found to be the fastest on this machine (<see cref="PlanTuner"/>); null for the defaults.</summary>
    public TuningCache? Tuning { get; init; }

    /// <summary>
    /// Names of passes over the graph that are left out, or "all". Results do not depend on it: this is for comparing, and
    /// for looking at intermediate values.
    /// </summary>
    public IReadOnlyList<string> DisabledPasses { get; init; } = [];

    /// <summary>
    /// Told after every kernel of a plan that is being made: how many there are, and how many there will be. What it throws
    /// breaks the making off, and nothing of it stays.
    /// </summary>
    public Action<int, int>? Making { get; init; }
}
