namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// What an engine does with keys and values that nobody uses at the moment. Kept in memory they cost nothing: the memory
/// is there, and they give way as soon as a sequence needs it.
/// </summary>
public sealed record PrefixCacheOptions
{
    /// <summary>Whether sequences that begin alike share what was computed once.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>
    /// A file for what has to give way in memory, where reading it again is faster than computing it again. Null: it is
    /// lost. The file holds what users wrote, readable by its owner alone, and belongs to one engine at a time. What goes
    /// wrong with it is told in <see cref="BlockStoreStatistics.Problem"/>; the engine goes on without. Models with a
    /// sliding window make no use of it.
    /// </summary>
    public string? StorePath { get; init; }

    /// <summary>Most bytes of that file.</summary>
    public long StoreBytes { get; init; } = 16L << 30;

    /// <summary>
    /// What tells the model, its weights and whatever else decides the bits of keys and values from all others. Where it
    /// is given, the file survives the engine and serves the next one with the same identity; null: it is deleted.
    /// </summary>
    public string? ModelIdentity { get; init; }
}
