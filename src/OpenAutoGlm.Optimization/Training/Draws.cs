namespace OpenAutoGlm.Optimization.Training;

/// <summary>
/// Random numbers that never change between versions of the runtime, keyed by a seed and what they are for, so that any
/// place in a run can be gone to at once. Source: Steele, Lea &amp; Flood 2014 (SplitMix64).
/// </summary>
struct Draws
{
    const ulong Step = 0x9E3779B97F4A7C15;

    ulong _state;

    /// <summary>The numbers for a key.</summary>
    public Draws(ulong seed, params ReadOnlySpan<long> key)
    {
        _state = seed;
        foreach (long part in key)
        {
            _state = Next() ^ ((ulong)part * 0xD1342543DE82EF95);
        }
    }

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        _state += Step;
        ulong mixed = _state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number from 0 to below <paramref name="count"/>.</summary>
    public int Below(int count) => (int)(((UInt128)Next() * (ulong)count) >> 64);

    /// <summary>Puts the elements in a random order. Source: Durstenfeld 1964.</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = Below(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }
}
