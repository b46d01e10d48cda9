namespace OpenAutoGlm.Engine.Sampling;

public class PhiloxTests
{
    // The known answers that come with the authors' own library (Random123, kat_vectors, philox4x32 10).
    [Theory]
    [InlineData(0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void Blocks_are_those_of_the_published_generator(uint a, uint b, uint c, uint d, uint k, uint l, uint e, uint f, uint g, uint h) =>
        Assert.Equal((e, f, g, h), Philox.Block((a, b, c, d), (k, l)));

    [Fact]
    public void Draws_of_neighbouring_keys_are_uniform_and_distinct()
    {
        const int Draws = 30_000;
        int[] bins = new int[50];
        HashSet<double> seen = [];
        for (int i = 0; i < Draws; i++)
        {
            double u = new DrawKey(i % 10 == 0 ? ulong.MaxValue : 42, i % 3, i / 3).Uniform();
            Assert.InRange(u, 0, 1 - double.Epsilon);
            seen.Add(u);
            bins[(int)(u * bins.Length)]++;
        }

        Assert.True(seen.Count == Draws, $"{Draws - seen.Count} draws came twice.");
        double chiSquare = bins.Sum(count => Math.Pow(count - (Draws / 50.0), 2) / (Draws / 50.0));
        Assert.InRange(chiSquare, 20, 85); // 49 degrees of freedom: 1 in 1,000 lies beyond either
    }
}
