using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>What was asked for.</summary>
/// <param name="Text">In words, as a reader would say it: "the best quality in at most 4 GB".</param>
/// <param name="Promises">Its parts, and how each was kept.</param>
public sealed record ReportedWish(string Text, ImmutableArray<Promise> Promises)
{
    /// <summary>Its parts, and how each was kept.</summary>
    public ImmutableArray<Promise> Promises { get => field.IsDefault ? [] : field; init; } = Promises;
}

/// <summary>One part of a wish.</summary>
/// <param name="What">What is limited: "weights", "time per token", "mean KL divergence".</param>
/// <param name="Unit">What the numbers count.</param>
/// <param name="Limit">Whether the number asked for is a most or a least.</param>
/// <param name="Asked">The number asked for.</param>
/// <param name="Outcome">Whether it was kept.</param>
public sealed record Promise(string What, ReportUnit Unit, PromiseLimit Limit, double Asked, PromiseOutcome Outcome)
{
    /// <summary>What the search expected; null where it does not predict this.</summary>
    public double? Predicted { get; init; }

    /// <summary>What the result has; null where it was not measured.</summary>
    public double? Measured { get; init; }

    /// <summary>The nearest that can be reached, where the number asked for cannot.</summary>
    public double? Nearest { get; init; }

    /// <summary>More in words; null where there is nothing to add.</summary>
    public string? Note { get; init; }
}

/// <summary>Which side of the number is allowed.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PromiseLimit>))]
public enum PromiseLimit
{
    /// <summary>It and all below.</summary>
    [JsonStringEnumMemberName("atMost")]
    AtMost,

    /// <summary>It and all above.</summary>
    [JsonStringEnumMemberName("atLeast")]
    AtLeast,
}

/// <summary>What became of a promise.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PromiseOutcome>))]
public enum PromiseOutcome
{
    /// <summary>Measured, and kept.</summary>
    [JsonStringEnumMemberName("kept")]
    Kept,

    /// <summary>Measured, and not kept.</summary>
    [JsonStringEnumMemberName("missed")]
    Missed,

    /// <summary>Expected to be kept, but not measured.</summary>
    [JsonStringEnumMemberName("predicted")]
    Predicted,

    /// <summary>No choice of formats can keep it.</summary>
    [JsonStringEnumMemberName("impossible")]
    Impossible,
}
