namespace OpenAutoGlm.Server.Models;

/// <summary>A model's place in memory, from the reservation before its load until it is freed. Guarded by the pool's lock.</summary>
sealed class ModelInstance(ModelSlot slot, long bytes)
{
    public ModelSlot Slot { get; } = slot;

    /// <summary>What is reserved, and after the load what is taken.</summary>
    public long Bytes { get; set; } = bytes;

    /// <summary>The model as requests see it; null while it loads.</summary>
    public ServedModel? Model { get; set; }

    /// <summary>What is freed at the end; null for a model that belongs to somebody else.</summary>
    public LoadedModel? Loaded { get; set; }

    /// <summary>Requests that hold it.</summary>
    public int Leases { get; set; }

    /// <summary>Takes no new requests, and is freed after the last one.</summary>
    public bool Draining { get; set; }

    /// <summary>Is being freed.</summary>
    public bool Freeing { get; set; }

    /// <summary>Whether it can be told to go: ready, and not going yet.</summary>
    public bool IsReady => Model is not null && !Draining;
}
