using System.Collections.Immutable;
using System.Text.Json.Serialization;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>One way of running a model, taken apart.</summary>
/// <param name="Kind">Which way.</param>
/// <param name="Name">In words: "write one token, 256 tokens deep".</param>
/// <param name="Sizes">How much runs.</param>
/// <param name="FloorSeconds">What the machine cannot beat: the sum of the operators' floors.</param>
/// <param name="Seconds">What it took; null where it was not measured.</param>
/// <param name="Operators">The operators, the dearest first.</param>
public sealed record AnalysedRun(RunKind Kind, string Name, StepSizes Sizes, double FloorSeconds, double? Seconds, ImmutableArray<OperatorShare> Operators)
{
    /// <summary>The operators, the dearest first.</summary>
    public ImmutableArray<OperatorShare> Operators { get => field.IsDefault ? [] : field; init; } = Operators;

    /// <summary>Tokens per second at the time it took, or else at the floor.</summary>
    public double TokensPerSecond => Sizes.Tokens / (Seconds ?? FloorSeconds);

    /// <summary>Share of the floor's time that goes to operators which are bound by memory.</summary>
    public double MemoryBoundShare => FloorSeconds == 0 ? 0 : Operators.Where(one => one.Bound == OperatorBound.Memory).Sum(one => one.FloorSeconds) / FloorSeconds;
}

/// <summary>All steps of one kind with one format.</summary>
/// <param name="Operator">What they compute: "product", "attention", "norm".</param>
/// <param name="Part">Where in the model: "attention q/k/v", "ffn down", "head"; empty where that does not matter.</param>
/// <param name="Steps">How many steps.</param>
/// <param name="Weights">The format of their weights; null without any.</param>
/// <param name="Bytes">Bytes that they must read and write.</param>
/// <param name="WeightBytes">Of those, weights.</param>
/// <param name="KvBytes">Of those, keys and values.</param>
/// <param name="Operations">Multiplies and adds, each counted.</param>
/// <param name="Bound">What limits them on this machine.</param>
/// <param name="FloorSeconds">What the machine cannot beat.</param>
/// <param name="Seconds">What they took; null where they were not measured.</param>
public sealed record OperatorShare(
    string Operator,
    string Part,
    int Steps,
    TensorFormat? Weights,
    double Bytes,
    double WeightBytes,
    double KvBytes,
    double Operations,
    OperatorBound Bound,
    double FloorSeconds,
    double? Seconds)
{
    /// <summary>Operations for each byte.</summary>
    public double Intensity => Operations / Math.Max(1, Bytes);

    /// <summary>Floor ÷ time: 1 is as fast as the machine allows; null where they were not measured.</summary>
    public double? OfFloor => Seconds > 0 ? FloorSeconds / Seconds : null;

    /// <summary>Time, or the floor where it was not measured.</summary>
    public double Cost => Seconds ?? FloorSeconds;
}

/// <summary>Ways of running a model.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunKind>))]
public enum RunKind
{
    /// <summary>One sequence writes one token.</summary>
    [JsonStringEnumMemberName("decode")]
    Decode,

    /// <summary>A prompt is read.</summary>
    [JsonStringEnumMemberName("prefill")]
    Prefill,

    /// <summary>Several sequences write one token each.</summary>
    [JsonStringEnumMemberName("batch")]
    Batch,
}

/// <summary>What an operator waits for.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<OperatorBound>))]
public enum OperatorBound
{
    /// <summary>Reading.</summary>
    [JsonStringEnumMemberName("memory")]
    Memory,

    /// <summary>Arithmetic.</summary>
    [JsonStringEnumMemberName("compute")]
    Compute,
}
