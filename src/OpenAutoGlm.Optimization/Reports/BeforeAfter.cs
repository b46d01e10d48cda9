using System.Text.Json.Serialization;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>One quantity of the model as it came and of the result.</summary>
/// <param name="What">What it is: "time per token", "weights".</param>
/// <param name="Topic">Which part of the table it belongs to.</param>
/// <param name="Unit">What the numbers count.</param>
/// <param name="Before">The model as it came.</param>
/// <param name="After">The result.</param>
/// <param name="LowerIsBetter">Whether less is better.</param>
public sealed record BeforeAfter(string What, ComparisonTopic Topic, ReportUnit Unit, double Before, double After, bool LowerIsBetter)
{
    /// <summary>Half the width of the range in which repetitions of the first number lay; null where it does not vary.</summary>
    public double? BeforeSpread { get; init; }

    /// <summary>The same of the second.</summary>
    public double? AfterSpread { get; init; }

    /// <summary>Whether the numbers are calculated and not measured.</summary>
    public bool Estimated { get; init; }

    /// <summary>Under which conditions: "1 sequence, 256 tokens deep"; null where there are none.</summary>
    public string? Conditions { get; init; }

    /// <summary>After ÷ before − 1; null where before is nothing.</summary>
    public double? Change => Before == 0 ? null : (After / Before) - 1;
}

/// <summary>Parts of the table of what changed.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ComparisonTopic>))]
public enum ComparisonTopic
{
    /// <summary>How long a single answer takes.</summary>
    [JsonStringEnumMemberName("latency")]
    Latency,

    /// <summary>How much gets done.</summary>
    [JsonStringEnumMemberName("throughput")]
    Throughput,

    /// <summary>What has to fit.</summary>
    [JsonStringEnumMemberName("memory")]
    Memory,

    /// <summary>What is left.</summary>
    [JsonStringEnumMemberName("other")]
    Other,
}
