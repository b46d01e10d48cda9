using System.Collections.Immutable;

namespace OpenAutoGlm.Cpu.Packing;

/// <summary>
/// Where a backend keeps the packed weights of a model from one start to the next. The first start writes a plan file;
/// the next ones map it and pack nothing. A file that is damaged, or was made from another model, by another build or
/// for another processor, is not used and is replaced.
/// </summary>
/// <param name="Paths">
/// Where the file may lie, best place first: it is looked for in this order, and written to the first place that can be
/// written to.
/// </param>
/// <param name="Model">Tells the model from every other; a file of the same name with other weights must differ in it.</param>
public sealed record PlanCache(ImmutableArray<string> Paths, string Model)
{
    /// <summary>What follows the name of a model in the name of its plan file.</summary>
    public const string Suffix = ".autoglm-plan";

    /// <summary>Less than this is not worth a file: packing takes no longer than opening one.</summary>
    public long LeastBytes { get; init; } = 32L << 20;

    /// <summary>Whether a file is only looked for and never written: for plans that are made to be compared.</summary>
    public bool IsReadOnly { get; init; }
}

/// <summary>What became of a plan file.</summary>
public enum PlanFileOutcome
{
    /// <summary>There is none: it was not asked for, or there is too little to keep.</summary>
    None,

    /// <summary>It was there and is mapped.</summary>
    Mapped,

    /// <summary>The weights were packed and the file was written.</summary>
    Written,

    /// <summary>The weights were packed, and the file could not be written.</summary>
    Failed,
}

/// <summary>What became of a plan file, and why.</summary>
/// <param name="Outcome">What.</param>
/// <param name="Path">The file; null where there is none.</param>
/// <param name="Bytes">Bytes of packed weights, wherever they are.</param>
/// <param name="Reason">Why a file was not used, or could not be written; null where there is nothing to say.</param>
public sealed record PlanFileReport(PlanFileOutcome Outcome, string? Path, long Bytes, string? Reason)
{
    /// <inheritdoc/>
    public override string ToString() => Outcome switch
    {
        PlanFileOutcome.Mapped => $"mapped {Path}",
        PlanFileOutcome.Written => $"written to {Path}{(Reason is null ? "" : $" ({Reason})")}",
        PlanFileOutcome.Failed => $"not kept: {Reason}",
        _ => "no plan file",
    };
}
