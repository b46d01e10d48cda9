using System.Text.Json.Serialization;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>What a number of a report counts. Values are always in the plain unit (bytes, seconds); the page picks prefixes.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ReportUnit>))]
public enum ReportUnit
{
    /// <summary>A plain number.</summary>
    [JsonStringEnumMemberName("number")]
    Number,

    /// <summary>Bytes.</summary>
    [JsonStringEnumMemberName("bytes")]
    Bytes,

    /// <summary>Seconds.</summary>
    [JsonStringEnumMemberName("seconds")]
    Seconds,

    /// <summary>Tokens per second.</summary>
    [JsonStringEnumMemberName("tokensPerSecond")]
    TokensPerSecond,

    /// <summary>A share, 1 being all of it.</summary>
    [JsonStringEnumMemberName("share")]
    Share,

    /// <summary>Nats per token: KL divergence, cross-entropy.</summary>
    [JsonStringEnumMemberName("nats")]
    Nats,

    /// <summary>Perplexity.</summary>
    [JsonStringEnumMemberName("perplexity")]
    Perplexity,

    /// <summary>Bits for each weight.</summary>
    [JsonStringEnumMemberName("bitsPerWeight")]
    BitsPerWeight,

    /// <summary>Bytes per second.</summary>
    [JsonStringEnumMemberName("bytesPerSecond")]
    BytesPerSecond,

    /// <summary>Operations per second, a multiply and an add counting as two.</summary>
    [JsonStringEnumMemberName("operationsPerSecond")]
    OperationsPerSecond,
}
