using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>How much the output depends on each group of tensors, measured by storing one group at a time coarsely.</summary>
/// <param name="Measure">What the scores are: "mean KL divergence when this group alone is stored in Q4_K".</param>
/// <param name="Unit">What the scores count.</param>
/// <param name="Rows">The groups.</param>
public sealed record SensitivityRanking(string Measure, ReportUnit Unit, ImmutableArray<SensitivityRow> Rows)
{
    /// <summary>The groups.</summary>
    public ImmutableArray<SensitivityRow> Rows { get => field.IsDefault ? [] : field; init; } = Rows;
}

/// <summary>One group of tensors that share a format.</summary>
/// <param name="Group">Its name: "layer 3, gate and up".</param>
/// <param name="Layer">Its layer; null outside of the layers.</param>
/// <param name="Role">What it does in a layer: "attention q/k/v", "ffn down".</param>
/// <param name="Parameters">Numbers in it.</param>
/// <param name="Bytes">Bytes of it in the model as it came.</param>
/// <param name="Score">What coarse storage of this group alone costs; more is more sensitive.</param>
public sealed record SensitivityRow(string Group, int? Layer, string Role, long Parameters, long Bytes, double Score)
{
    /// <summary>Standard error of the score; null where there is none.</summary>
    public double? Error { get; init; }

    /// <summary>What the search chose for it; null where nothing was chosen.</summary>
    public string? Chosen { get; init; }
}
