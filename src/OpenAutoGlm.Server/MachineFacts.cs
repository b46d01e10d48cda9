using System.Collections.Immutable;

namespace OpenAutoGlm.Server;

/// <summary>What the machine is that serves, for whoever looks at the dashboard.</summary>
public sealed record MachineFacts
{
    /// <summary>The processor's name for itself.</summary>
    public required string Processor { get; init; }

    /// <summary>X64, Arm64, …</summary>
    public required string Architecture { get; init; }

    /// <summary>Cores of the machine.</summary>
    public required int Cores { get; init; }

    /// <summary>Cores that this process may use; a quota may leave a part of one.</summary>
    public required double UsableCores { get; init; }

    /// <summary>The strongest instruction set in use; null where nobody says.</summary>
    public string? InstructionSet { get; init; }

    /// <summary>Extensions of the instruction set that matter for language models.</summary>
    public ImmutableArray<string> Extensions { get; init; } = [];

    /// <summary>Bytes of memory that this process may use.</summary>
    public required long MemoryBytes { get; init; }
}

/// <summary>What the machine reached in a short measurement.</summary>
/// <param name="ReadBytesPerSecond">Streaming read of main memory, which bounds how fast one answer is written.</param>
/// <param name="FloatOperationsPerSecond">float32 operations, a fused multiply-add being two.</param>
/// <param name="ByteOperationsPerSecond">int8 operations, counted likewise; with those of float32 they bound how fast prompts are read.</param>
public readonly record struct MachineLimits(double ReadBytesPerSecond, double FloatOperationsPerSecond, double ByteOperationsPerSecond);
