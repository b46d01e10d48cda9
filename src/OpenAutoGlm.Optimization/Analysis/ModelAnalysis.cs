using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>What a model costs on a machine, where the time and the memory go, and what would help most.</summary>
public sealed record ModelAnalysis
{
    /// <summary>What one token costs, whatever the machine.</summary>
    public required GraphCost Cost { get; init; }

    /// <summary>The machine that it is judged by.</summary>
    public required MachineRates Machine { get; init; }

    /// <summary>What was looked at: decoding, reading a prompt, a batch.</summary>
    public ImmutableArray<AnalysedRun> Runs { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>Where memory goes.</summary>
    public ImmutableArray<MemoryShare> Memory { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>All of the memory together: for each length of sequence that is looked at, or once where none is.</summary>
    public ImmutableArray<MemoryTotal> Totals
    {
        get
        {
            long always = Memory.Where(share => share.Kind != MemoryKind.Kv).Sum(share => share.Bytes);
            MemoryTotal[] lengths = [.. Memory.Where(share => share.Kind == MemoryKind.Kv).Select(share => new MemoryTotal(share.Tokens, always + share.Bytes))];
            return lengths.Length > 0 ? [.. lengths] : [new MemoryTotal(null, always)];
        }
    }

    /// <summary>What would help, the most first.</summary>
    public ImmutableArray<Advice> Advice { get => field.IsDefault ? [] : field; init; } = [];
}
