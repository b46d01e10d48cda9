using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

public class ContentSumTests
{
    [Fact]
    public void Every_flipped_bit_shows()
    {
        byte[] bytes = Bytes(1000);
        ulong sum = ContentSum.Of(bytes);
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(sum, ContentSum.Of(bytes));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Exchanged_pieces_and_added_zeros_show()
    {
        byte[] bytes = Bytes(640);
        byte[] exchanged = [.. bytes[64..128], .. bytes[..64], .. bytes[128..]];
        ulong[] sums = [ContentSum.Of(bytes), ContentSum.Of(exchanged), ContentSum.Of([.. bytes, 0]), ContentSum.Of([0, .. bytes]), ContentSum.Of(bytes, 1), ContentSum.Of([]), ContentSum.Of([0])];
        Assert.Equal(sums.Length, sums.Distinct().Count());
    }

    [Fact]
    public void The_sum_is_the_same_on_every_machine()
    {
        Assert.Equal(Reference(Bytes(4099)), ContentSum.Of(Bytes(4099)));
        Assert.Equal(Reference(Bytes(5)), ContentSum.Of(Bytes(5)));
    }

    static byte[] Bytes(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)((i * 31) ^ (i >> 3)))];

    /// <summary>The definition, a word at a time.</summary>
    static ulong Reference(byte[] bytes)
    {
        ulong[] sums = new ulong[8];
        ulong[] sumsOfSums = new ulong[8];
        byte[] padded = new byte[(bytes.Length / 64 * 64) + 64];
        bytes.CopyTo(padded, 0);
        for (int at = 0; at < padded.Length; at += 8)
        {
            int lane = at / 8 % 8;
            sums[lane] += BitConverter.ToUInt64(padded, at);
            sumsOfSums[lane] += sums[lane];
        }

        ulong mixed = Mix(0, (ulong)bytes.Length);
        for (int lane = 0; lane < 8; lane++)
        {
            mixed = Mix(Mix(mixed, sums[lane]), sumsOfSums[lane]);
        }

        return mixed;

        static ulong Mix(ulong mixed, ulong value) => ulong.RotateLeft(unchecked((mixed ^ value) * 0x9E37_79B9_7F4A_7C15), 29) + value;
    }
}
