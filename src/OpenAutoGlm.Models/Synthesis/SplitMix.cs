using System.Text;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>A small generator whose numbers never change between versions of the runtime. Source: Steele, Lea &amp; Flood 2014 (SplitMix64).</summary>
struct SplitMix(ulong state)
{
    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        ulong mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A normal number with mean 0 and variance 1, by Box and Muller's rule.</summary>
    public float NextNormal()
    {
        double radius = Math.Sqrt(-2 * Math.Log(((Next() >> 11) + 1) * (1.0 / (1UL << 53))));
        return (float)(radius * Math.Cos(2 * Math.PI * (Next() >> 11) * (1.0 / (1UL << 53))));
    }

    /// <summary>The start for one use of a seed: the same words give the same numbers, other words others.</summary>
    public static SplitMix For(int seed, string what, long part = 0)
    {
        ulong hash = 0xCBF29CE484222325 ^ (uint)seed;
        foreach (byte value in Encoding.UTF8.GetBytes(what))
        {
            hash = (hash ^ value) * 0x100000001B3;
        }

        return new SplitMix(new SplitMix(hash ^ ((ulong)part * 0xD1342543DE82EF95)).Next());
    }
}
