using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>A request for the embeddings of texts.</summary>
public sealed record EmbeddingRequest
{
    /// <summary>Most inputs of one request.</summary>
    public const int MaxInputs = 2048;

    /// <summary>The texts: 1 to 2,048. Each becomes one vector.</summary>
    public required ImmutableArray<GenerationPrompt> Inputs { get; init; }

    /// <summary>How many of the first dimensions are kept, and brought to length 1 again; null for all.</summary>
    public int? Dimensions { get; init; }

    /// <summary>Cuts what is longer than the context at its end, instead of refusing it.</summary>
    public bool Truncate { get; init; }

    /// <inheritdoc cref="SequenceRequest.Priority"/>
    public int Priority { get; init; }

    /// <inheritdoc cref="SequenceRequest.Tenant"/>
    public string? Tenant { get; init; }

    /// <inheritdoc cref="SequenceRequest.CacheSalt"/>
    public string? CacheSalt { get; init; }

    /// <inheritdoc cref="SequenceRequest.Timeout"/>
    public TimeSpan? Timeout { get; init; }
}
