namespace OpenAutoGlm.Engine.Kv;

public class PrefixHashTests
{
    [Fact]
    public void Everything_counts_key_parent_tokens_order_and_number()
    {
        PrefixHash hash = new(1, 2);
        int[] tokens = [1, 2, 3, 4, 5];
        ulong[] hashes =
        [
            hash.Of(9, tokens),
            hash.Of(8, tokens),
            new PrefixHash(1, 3).Of(9, tokens),
            new PrefixHash(2, 2).Of(9, tokens),
            hash.Of(9, [2, 1, 3, 4, 5]),
            hash.Of(9, [1, 2, 4, 3, 5]),
            hash.Of(9, [1, 2, 3, 4]),
            hash.Of(9, [1, 2, 3, 4, 0]),
            hash.Of(9, [1, 2, 3, 4, 5, 0]),
            hash.Of(9, [0, 1, 2, 3, 4, 5]),
            hash.Of(9, []),
            hash.OfTenant(null),
            hash.OfTenant(""),
            hash.OfTenant("a"),
            hash.OfTenant("b"),
            hash.OfTenant("a\0"),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(hashes[0], hash.Of(9, tokens));
    }

    [Fact]
    public void Any_flipped_bit_flips_about_half_of_the_hash()
    {
        PrefixHash hash = new(3, 4);
        int[] tokens = [.. Enumerable.Range(0, 32)];
        ulong before = hash.Of(1, tokens);
        for (int bit = 0; bit < 32 * tokens.Length; bit++)
        {
            tokens[bit / 32] ^= 1 << (bit % 32);
            Assert.InRange(System.Numerics.BitOperations.PopCount(before ^ hash.Of(1, tokens)), 10, 54);
            tokens[bit / 32] ^= 1 << (bit % 32);
        }
    }

    [Fact]
    public void Keys_are_drawn_anew() => Assert.NotEqual(PrefixHash.Random().Of(1, [1, 2]), PrefixHash.Random().Of(1, [1, 2]));
}
