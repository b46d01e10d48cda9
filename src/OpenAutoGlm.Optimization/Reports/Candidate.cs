using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>A model that was considered.</summary>
/// <param name="Name">What to call it: "Q4_K everywhere", "chosen".</param>
/// <param name="Kind">Where it came from.</param>
/// <param name="Bytes">Bytes of its weights.</param>
/// <param name="BitsPerWeight">Bits that a weight takes on average.</param>
public sealed record Candidate(string Name, CandidateKind Kind, long Bytes, double BitsPerWeight)
{
    /// <summary>Mean KL(original ‖ this) in nats per token, measured; null where it was only predicted.</summary>
    public double? MeanKl { get; init; }

    /// <summary>Standard error of it.</summary>
    public double? MeanKlError { get; init; }

    /// <summary>What the search expected for it; null where it did not look.</summary>
    public double? PredictedKl { get; init; }

    /// <summary>Perplexity, measured.</summary>
    public double? Perplexity { get; init; }

    /// <summary>Seconds for each token that is written; null where nobody looked.</summary>
    public double? SecondsPerToken { get; init; }

    /// <summary>Tokens of a prompt read per second; null where nobody looked.</summary>
    public double? PrefillTokensPerSecond { get; init; }

    /// <summary>Whether the times were measured on the whole model; otherwise they are sums of measured kernels.</summary>
    public bool TimeMeasured { get; init; }

    /// <summary>Whether nothing else that was considered is as good in size, speed and quality and better in one.</summary>
    public bool OnFront { get; init; }

    /// <summary>The loss to compare by: measured, or else predicted.</summary>
    public double? Loss => MeanKl ?? PredictedKl;

    /// <summary>
    /// Sets <see cref="OnFront"/>: a candidate is on the front where no other is at most as large, at most as slow and at
    /// most as far from the original, and less in one of these. A number that one of two lacks is not compared; what
    /// lacks a loss is never on it.
    /// </summary>
    public static ImmutableArray<Candidate> WithFront(IEnumerable<Candidate> candidates)
    {
        Candidate[] all = [.. candidates];
        return [.. all.Select(one => one with { OnFront = one.Loss is not null && !all.Any(other => other.Beats(one)) })];
    }

    bool Beats(Candidate other)
    {
        if (Loss is not { } loss || other.Loss is not { } otherLoss)
        {
            return false;
        }

        bool timed = SecondsPerToken is not null && other.SecondsPerToken is not null;
        return Bytes <= other.Bytes && loss <= otherLoss && (!timed || SecondsPerToken <= other.SecondsPerToken)
            && (Bytes < other.Bytes || loss < otherLoss || (timed && SecondsPerToken < other.SecondsPerToken));
    }
}

/// <summary>Where a candidate came from.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CandidateKind>))]
public enum CandidateKind
{
    /// <summary>The model as it came.</summary>
    [JsonStringEnumMemberName("original")]
    Original,

    /// <summary>The result.</summary>
    [JsonStringEnumMemberName("chosen")]
    Chosen,

    /// <summary>One format for all tensors.</summary>
    [JsonStringEnumMemberName("uniform")]
    Uniform,

    /// <summary>A fixed mix that others use.</summary>
    [JsonStringEnumMemberName("mix")]
    Mix,

    /// <summary>Another answer of the search.</summary>
    [JsonStringEnumMemberName("searched")]
    Searched,
}
