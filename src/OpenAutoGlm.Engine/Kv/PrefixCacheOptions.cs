namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// What an engine does with keys and values that nobody uses at the moment. Kept in memory they cost nothing: the memory
/// is there, and they give way as soon as a sequence needs it.
/// </summary>
public sealed record PrefixCacheOptions
{
    /// <summary>Whether sequences that begin alike share what was computed once.</summary>
    public bool Enabled { get; init; } = true;
}
