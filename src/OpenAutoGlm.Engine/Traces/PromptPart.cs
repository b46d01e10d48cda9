namespace OpenAutoGlm.Engine.Traces;

/// <summary>
/// A run of made-up tokens that two numbers tell: equal seeds give equal tokens, and a shorter part is the beginning of
/// a longer one with the same seed. Prompts are rows of parts, so that a gigabyte of prompts needs no memory before it
/// is sent.
/// </summary>
/// <param name="Seed">What tells this part from others.</param>
/// <param name="Tokens">How many tokens.</param>
public readonly record struct PromptPart(ulong Seed, int Tokens)
{
    /// <summary>A number in [0, count) for each token.</summary>
    /// <param name="destination">As long as the part.</param>
    /// <param name="count">How many different tokens there are.</param>
    public void Fill(Span<int> destination, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, Tokens);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = Choose(i, count);
        }
    }

    /// <summary>The number in [0, count) at a place of the part.</summary>
    public int Choose(int index, int count) => (int)(((Mix(Seed, (ulong)index) >> 32) * (ulong)count) >> 32);

    /// <summary>A seed out of two, the same on every machine and version. Source: Steele, Lea &amp; Flood 2014 (SplitMix64).</summary>
    public static ulong Mix(ulong seed, ulong value)
    {
        ulong mixed = Finish(seed + 0x9E3779B97F4A7C15);
        return Finish(mixed + ((value + 1) * 0x9E3779B97F4A7C15));

        static ulong Finish(ulong bits)
        {
            bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
            bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
            return bits ^ (bits >> 31);
        }
    }
}
