using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>The machine on which a report's numbers were measured.</summary>
public sealed record ReportedMachine
{
    /// <summary>The processor's name for itself.</summary>
    public required string Processor { get; init; }

    /// <summary>X64, Arm64, …</summary>
    public required string Architecture { get; init; }

    /// <summary>The strongest instruction set in use.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Extensions that matter, under the names that the processor gives them.</summary>
    public ImmutableArray<string> Extensions { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>Cores that may be used; a part of one where a quota leaves that.</summary>
    public required double UsableCores { get; init; }

    /// <summary>Threads that measured.</summary>
    public required int Threads { get; init; }

    /// <summary>Main memory that may be used.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Streaming reads by all threads.</summary>
    public required double ReadBytesPerSecond { get; init; }

    /// <summary>float32 arithmetic of all threads, a multiply and an add counting as two.</summary>
    public required double FloatOperationsPerSecond { get; init; }

    /// <summary>bfloat16 products summed to float32.</summary>
    public required double BFloat16OperationsPerSecond { get; init; }

    /// <summary>int8 products summed to int32.</summary>
    public required double ByteOperationsPerSecond { get; init; }

    /// <summary>Operating system and runtime, in a line; null where nobody looked.</summary>
    public string? Software { get; init; }
}
