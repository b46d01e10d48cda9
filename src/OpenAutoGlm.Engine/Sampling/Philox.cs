namespace OpenAutoGlm.Engine.Sampling;

/// <summary>
/// The counter-based generator Philox4x32-10: a bijection of 128-bit counters under a 64-bit key that passes for random.
/// It has no state, so a draw depends on its key and counter and on nothing that was drawn before.
/// Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", §3.3.
/// </summary>
static class Philox
{
    const uint FirstMultiplier = 0xD2511F53;
    const uint SecondMultiplier = 0xCD9E8D57;
    const uint FirstWeyl = 0x9E3779B9; // golden ratio
    const uint SecondWeyl = 0xBB67AE85; // √3 − 1
    const int Rounds = 10;

    internal static (uint A, uint B, uint C, uint D) Block((uint A, uint B, uint C, uint D) counter, (uint First, uint Second) key)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong first = (ulong)FirstMultiplier * counter.A;
            ulong second = (ulong)SecondMultiplier * counter.C;
            counter = ((uint)(second >> 32) ^ counter.B ^ key.First, (uint)second, (uint)(first >> 32) ^ counter.D ^ key.Second, (uint)first);
            key = (key.First + FirstWeyl, key.Second + SecondWeyl);
        }

        return counter;
    }
}

/// <summary>What a random draw depends on: the same key gives the same number on every machine, in every batch.</summary>
/// <param name="Seed">That of the request.</param>
/// <param name="SampleIndex">Which of several samples of one prompt.</param>
/// <param name="Position">The place in the sequence of the token that is drawn.</param>
readonly record struct DrawKey(ulong Seed, int SampleIndex, int Position)
{
    /// <summary>A number in [0, 1), a multiple of 2⁻⁵³.</summary>
    internal double Uniform()
    {
        (uint a, uint b, _, _) = Philox.Block(((uint)Position, (uint)SampleIndex, 0, 0), ((uint)Seed, (uint)(Seed >> 32)));
        return ((((ulong)a << 32) | b) >> 11) * (1.0 / (1UL << 53));
    }
}
