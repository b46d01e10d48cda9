namespace OpenAutoGlm.Server.Metrics;

public class HistogramTests
{
    static readonly double[] Shares = [0.5, 0.9, 0.95, 0.99, 0.999];

    public static TheoryData<string> Distributions => ["exponential", "lognormal", "two peaks", "constant", "at a bound", "Pareto"];

    [Theory]
    [MemberData(nameof(Distributions))]
    public void A_quantile_is_within_a_tenth_of_the_exact_one(string distribution)
    {
        Random random = new(7);
        double[] values = [.. Enumerable.Range(0, 20_000).Select(_ => Draw(distribution, random))];
        foreach (HistogramBuckets buckets in (HistogramBuckets[])[HistogramBuckets.RequestSeconds, HistogramBuckets.TokenSeconds])
        {
            Histogram histogram = new(buckets);
            double[] scaled = [.. values.Select(value => value * buckets.Bounds[0] * 50)];
            Array.ForEach(scaled, histogram.Observe);
            Array.Sort(scaled);
            HistogramCounts counts = histogram.Read();
            foreach (double share in Shares)
            {
                double exact = scaled[(int)Math.Ceiling(share * scaled.Length) - 1];
                double read = counts.Quantile(share);
                Assert.True(Math.Abs(read - exact) <= exact * 0.1001, $"p{share * 100} of {distribution}: {read} instead of {exact}");
            }

            Assert.Equal(scaled.Sum(), counts.Sum, scaled.Sum() * 1e-9);
        }
    }

    [Fact]
    public void Bounds_rise_by_a_tenth_at_most_and_read_well()
    {
        foreach (HistogramBuckets buckets in (HistogramBuckets[])[HistogramBuckets.RequestSeconds, HistogramBuckets.TokenSeconds])
        {
            Assert.All(buckets.Bounds.Zip(buckets.Bounds.Skip(1)), pair => Assert.InRange(pair.Second / pair.First, 1.01, 1.1001));
            Assert.All(buckets.Labels, label => Assert.True(label.Length <= 8, label));
        }

        Assert.Equal(("0.001", "600", "+Inf"), (HistogramBuckets.RequestSeconds.Labels[0], HistogramBuckets.RequestSeconds.Labels[^2], HistogramBuckets.RequestSeconds.Labels[^1]));
        Assert.Equal(("0.0001", "10", "+Inf"), (HistogramBuckets.TokenSeconds.Labels[0], HistogramBuckets.TokenSeconds.Labels[^2], HistogramBuckets.TokenSeconds.Labels[^1]));
    }

    [Theory]
    [InlineData(0.001, 0)]
    [InlineData(0.0010001, 1)]
    [InlineData(0, 0)]
    [InlineData(-3, 0)]
    [InlineData(double.NaN, 0)]
    public void A_value_at_a_bound_belongs_below_it(double value, int bucket)
    {
        Histogram histogram = new(HistogramBuckets.RequestSeconds);
        histogram.Observe(double.IsNaN(value) ? 0 : value);
        Assert.Equal(bucket, histogram.Read().Counts.IndexOf(1));
    }

    [Fact]
    public void What_lies_above_all_buckets_is_told_as_the_last_bound()
    {
        Histogram histogram = new(HistogramBuckets.RequestSeconds);
        Assert.Equal(double.NaN, histogram.Read().Quantile(0.99));
        histogram.Observe(100_000);
        Assert.Equal(600, histogram.Read().Quantile(0.5));
    }

    [Fact]
    public async Task Nothing_is_lost_between_threads_and_nothing_is_allocated()
    {
        Histogram histogram = new(HistogramBuckets.TokenSeconds);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                histogram.Observe(0.25 * (thread + 1));
            }
        })));
        HistogramCounts counts = histogram.Read();
        Assert.Equal((200_000, 125_000), (counts.Total, counts.Sum));

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            histogram.Observe(TimeSpan.FromTicks(i));
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    static double Draw(string distribution, Random random) => distribution switch
    {
        "exponential" => -Math.Log(1 - random.NextDouble()),
        "lognormal" => Math.Exp(0.7 * Enumerable.Range(0, 12).Sum(_ => random.NextDouble() - 0.5)),
        "two peaks" => random.NextDouble() < 0.97 ? 1 + (random.NextDouble() * 0.05) : 30 + random.NextDouble(),
        "constant" => 1.234,
        "at a bound" => 1.1,
        _ => 0.3 / Math.Pow(1 - random.NextDouble(), 0.5),
    };
}
