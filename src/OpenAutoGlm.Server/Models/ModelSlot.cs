using System.Collections.Immutable;

namespace OpenAutoGlm.Server.Models;

/// <summary>A model under its names: what answers for it now, what is being loaded for it, and how the last load went. Guarded by the pool's lock.</summary>
sealed class ModelSlot
{
    public ModelSlot(ServedModel model)
    {
        Id = model.Id;
        Aliases = model.Aliases;
        Created = model.Created;
        ContextLength = model.ContextLength;
        Current = new ModelInstance(this, bytes: 0) { Model = model };
    }

    public ModelSlot(ModelOnDemand model)
    {
        Id = model.Id;
        Aliases = model.Aliases;
        Pinned = model.Pinned;
        Loader = model.Loader;
        Learn(model.Loader.Known);
    }

    public string Id { get; }

    public ImmutableArray<string> Aliases { get; }

    public IEnumerable<string> Names => [Id, .. Aliases];

    public bool Pinned { get; }

    /// <summary>What loads it; null for a model that was handed over ready-made.</summary>
    public IModelLoader? Loader { get; set; }

    /// <summary>What new requests get; null where they have to wait.</summary>
    public ModelInstance? Current { get; set; }

    /// <summary>What is being loaded.</summary>
    public LoadOperation? Load { get; set; }

    public LoadFailure? Failure { get; set; }

    public DateTimeOffset Created { get; private set; } = DateTimeOffset.UnixEpoch;

    public int? ContextLength { get; private set; }

    /// <summary>What loading takes; null where that is not known yet.</summary>
    public long? NeededBytes { get; private set; }

    /// <summary>When a request came or ended last; the timestamp is what others are compared with.</summary>
    public DateTimeOffset? LastUsed { get; set; }

    public long LastUsedTimestamp { get; set; }

    public DateTimeOffset? LoadedAt { get; set; }

    public TimeSpan LoadTime { get; set; }

    public int Loads { get; set; }

    /// <summary>Who waits until nothing of it is in memory.</summary>
    public List<TaskCompletionSource> AwaitingFreedom { get; } = [];

    public void Learn(ModelFacts? facts)
    {
        Created = facts?.Created ?? Created;
        ContextLength = facts?.ContextLength;
        NeededBytes = facts?.MemoryBytes;
    }

    public void Learn(LoadedModel loaded) => Learn(new ModelFacts(loaded.MemoryBytes, loaded.ContextLength, loaded.Created));
}

/// <summary>How a load failed.</summary>
/// <param name="Error">The cause.</param>
/// <param name="Count">Failures in a row.</param>
/// <param name="At">When.</param>
/// <param name="RetryAt">When a request may try again.</param>
/// <param name="RetryTimestamp">The same on the clock that only goes forward.</param>
sealed record LoadFailure(Exception Error, int Count, DateTimeOffset At, DateTimeOffset RetryAt, long RetryTimestamp);
