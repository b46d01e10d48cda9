using System.Collections.Immutable;

namespace OpenAutoGlm.Server.Models;

/// <summary>What can be told of a model at one moment.</summary>
sealed record ModelStatus
{
    public required string Id { get; init; }

    public required ImmutableArray<string> Aliases { get; init; }

    public required ModelState State { get; init; }

    /// <summary>What it is loaded from; null for a model that was handed over ready-made.</summary>
    public required string? Source { get; init; }

    public required bool Pinned { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>Longest sequence in tokens; null where only loading tells.</summary>
    public required int? ContextLength { get; init; }

    /// <summary>What is taken or reserved, all versions together.</summary>
    public required long MemoryBytes { get; init; }

    public required long? NeededBytes { get; init; }

    /// <summary>Requests that hold it, all versions together.</summary>
    public required int Running { get; init; }

    /// <summary>Requests that wait for a load.</summary>
    public required int Waiting { get; init; }

    /// <summary>Versions that wait for their last request.</summary>
    public required int Draining { get; init; }

    public required DateTimeOffset? LastUsed { get; init; }

    public required DateTimeOffset? LoadedAt { get; init; }

    public required TimeSpan LoadTime { get; init; }

    public required int Loads { get; init; }

    public required LoadProgress? Progress { get; init; }

    public required LoadFailure? Failure { get; init; }

    public IEnumerable<string> Names => [Id, .. Aliases];
}
