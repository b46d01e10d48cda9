namespace OpenAutoGlm.Optimization.Calibration;

public sealed class ClippingRuleTests
{
    [Fact]
    public void Evenly_spread_values_are_not_worth_clipping()
    {
        MagnitudeHistogram even = Of(Enumerable.Range(0, 100_000).Select(i => (i + 0.5f) / 100_000));
        Assert.Equal(even.Max, new MaxRange().RangeOf(even));
        Assert.Equal(0.5, new PercentileRange(0.5).RangeOf(even), 0.01);
        Assert.Equal(0.9, new PercentileRange(0.9).RangeOf(even), 0.01);
        Assert.InRange(new SquaredErrorRange().RangeOf(even), 0.97, 1.0);
        Assert.InRange(new EntropyRange().RangeOf(even), 0.97, 1.0);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void The_squared_error_rule_finds_the_range_that_trying_every_range_on_the_values_finds(int bits)
    {
        float[] values = [.. Normal(40_000, seed: bits)];
        double found = new SquaredErrorRange(bits).RangeOf(Of(values));
        double best = Enumerable.Range(5, 95).Select(i => values.Max(MathF.Abs) * i / 99.0).MinBy(range => Error(values, range, bits));
        Assert.True(Error(values, found, bits) < Error(values, best, bits) * 1.01, $"{found} against {best}");
        Assert.Equal(Error(values, found, bits), new SquaredErrorRange(bits).ErrorOf(Of(values), found), Error(values, found, bits) * 0.02);
    }

    [Fact]
    public void A_lone_outlier_is_cut_off_by_every_rule_but_max()
    {
        MagnitudeHistogram histogram = Of([.. Normal(100_000, seed: 1), 60]);
        Assert.Equal(60, new MaxRange().RangeOf(histogram));
        Assert.InRange(new PercentileRange(0.999).RangeOf(histogram), 3.1, 3.5); // two sides of the bell: 3.29
        Assert.InRange(new SquaredErrorRange(4).RangeOf(histogram), 1.5, 4);
        Assert.InRange(new EntropyRange().RangeOf(histogram), 3, 10);
    }

    [Fact]
    public void Zeros_have_no_range_and_nothing_at_all_is_refused()
    {
        foreach (ClippingRule rule in ClippingRule.All)
        {
            Assert.Equal(0, rule.RangeOf(Of([0, 0])));
            Assert.Throws<ArgumentException>(() => rule.RangeOf(new MagnitudeHistogram()));
            Assert.Equal(3, rule.RangeOf(Of([3, -3])), 0.1);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new PercentileRange(0).RangeOf(Of([1])));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EntropyRange(9).RangeOf(Of([1])));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SquaredErrorRange(1).RangeOf(Of([1])));
    }

    [Fact]
    public void A_bin_holds_what_lies_between_its_edges()
    {
        Random random = new(4);
        for (int i = 0; i < 2000; i++)
        {
            float value = (float)Math.Pow(2, (random.NextDouble() * 62) - 39);
            MagnitudeHistogram histogram = Of([-value]);
            int bin = histogram.Counts.IndexOf(1);
            Assert.True(MagnitudeHistogram.Edge(bin) <= value && value < MagnitudeHistogram.Edge(bin + 1));
            Assert.True(MagnitudeHistogram.Edge(bin + 1) / MagnitudeHistogram.Edge(bin) < 1.0321);
        }

        Assert.Equal(2, Of([0, 1e-20f]).Tiny);
        Assert.Equal(1, Of([1e30f]).Counts[^1]);
    }

    static double Error(float[] values, double range, int bits)
    {
        double step = range / ((1 << (bits - 1)) - 1);
        return values.Average(value => Math.Pow(value - (Math.Clamp(Math.Round(value / step) * step, -range, range)), 2));
    }

    static IEnumerable<float> Normal(int count, int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < count; i++)
        {
            yield return (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }
    }

    static MagnitudeHistogram Of(IEnumerable<float> values)
    {
        MagnitudeHistogram histogram = new();
        histogram.Add([.. values]);
        return histogram;
    }
}
