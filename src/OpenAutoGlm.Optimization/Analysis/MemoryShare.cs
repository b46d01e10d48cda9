using System.Text.Json.Serialization;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>Something that takes memory.</summary>
/// <param name="Kind">Of which kind.</param>
/// <param name="What">What it is: "ffn gate and up", "keys and values of 4,096 tokens".</param>
/// <param name="Bytes">Bytes.</param>
/// <param name="Tokens">Of keys and values, the tokens that are held; otherwise null.</param>
public sealed record MemoryShare(MemoryKind Kind, string What, long Bytes, int? Tokens = null);

/// <summary>Memory for one length of sequence.</summary>
/// <param name="Tokens">The length; null where keys and values are left out.</param>
/// <param name="Bytes">Weights, keys and values, and what lies between steps.</param>
public readonly record struct MemoryTotal(int? Tokens, long Bytes);

/// <summary>Kinds of memory.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MemoryKind>))]
public enum MemoryKind
{
    /// <summary>Weights.</summary>
    [JsonStringEnumMemberName("weights")]
    Weights,

    /// <summary>Keys and values.</summary>
    [JsonStringEnumMemberName("kv")]
    Kv,

    /// <summary>Values between the steps of a plan.</summary>
    [JsonStringEnumMemberName("arena")]
    Arena,
}
