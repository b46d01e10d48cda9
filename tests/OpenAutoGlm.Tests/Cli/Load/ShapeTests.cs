using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli.Load;

public class ShapeTests
{
    [Fact]
    public void A_constant_rate_comes_at_equal_distances()
    {
        double[] instants = [.. new ArrivalProcess(RateProfile.Of(4), ArrivalProcess.Constant).Instants(1).Take(5)];
        Assert.Equal([0.25, 0.5, 0.75, 1, 1.25], instants);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.25)]
    [InlineData(9.0)]
    public void Gamma_gaps_have_the_mean_of_the_rate_and_the_variance_of_their_shape(double burstiness)
    {
        const int Count = 40_000;
        const double Rate = 8;
        double[] gaps = Gaps(new ArrivalProcess(RateProfile.Of(Rate), burstiness).Instants(11).Take(Count));
        double mean = gaps.Average();
        double variance = gaps.Average(gap => (gap - mean) * (gap - mean));

        // A gamma number of shape k and mean m has variance m²/k; five standard errors of the mean, and a tenth for the variance.
        Assert.Equal(1 / Rate, mean, 5 / Rate / Math.Sqrt(burstiness * Count));
        Assert.Equal(1, variance * Rate * Rate * burstiness, 0.1);
    }

    [Fact]
    public void Poisson_gaps_are_exponential()
    {
        const int Count = 20_000;
        double[] gaps = [.. Gaps(new ArrivalProcess(RateProfile.Of(2), ArrivalProcess.Poisson).Instants(3).Take(Count)).Order()];

        // Kolmogorov and Smirnov's distance from 1 − e^(−λt); 1.63/√n is exceeded once in a hundred seeds.
        double distance = gaps.Select((gap, i) => Math.Abs(1 - Math.Exp(-2 * gap) - ((i + 0.5) / Count))).Max();
        Assert.InRange(distance, 0, 1.63 / Math.Sqrt(Count));
    }

    [Fact]
    public void A_profile_has_its_share_of_requests_in_every_stage()
    {
        RateProfile profile = RateProfile.Parse("100s:2,100s:4,100s:2-6,50s:0,10s:1")!;
        double[] even = [.. new ArrivalProcess(profile, ArrivalProcess.Constant).Instants(1)];
        Assert.Equal([200, 400, 400, 0, 10], Counts(even));
        Assert.Equal(360, profile.Seconds);

        // The ramp from 2 to 6: of its 400 requests 150 come in the first half.
        Assert.Equal(150, even.Count(instant => instant is > 200 and <= 250), 1.0);

        int[] drawn = Counts([.. new ArrivalProcess(profile, ArrivalProcess.Poisson).Instants(5)]);
        Assert.InRange(drawn[0], 140, 260);
        Assert.InRange(drawn[1], 320, 480);
        Assert.Equal(0, drawn[3]);

        static int[] Counts(double[] instants) =>
        [
            instants.Count(instant => instant <= 100),
            instants.Count(instant => instant is > 100 and <= 200),
            instants.Count(instant => instant is > 200 and <= 300.0000001),
            instants.Count(instant => instant is > 300.0000001 and <= 350),
            instants.Count(instant => instant > 350),
        ];
    }

    [Fact]
    public void Arrivals_are_in_order_and_the_same_for_a_seed()
    {
        ArrivalProcess process = new(RateProfile.Parse("5s:1-9,5s:3")!, 0.5);
        double[] instants = [.. process.Instants(9)];
        Assert.Equal(instants.Order(), instants);
        Assert.Equal(instants, process.Instants(9));
        Assert.NotEqual(instants, process.Instants(10));
    }

    [Theory]
    [InlineData("30s")]
    [InlineData("30:2")]
    [InlineData("30s:")]
    [InlineData("30s:-2")]
    [InlineData("30s:1-2-3")]
    [InlineData("0s:2")]
    [InlineData("30s:0")]
    [InlineData("30s:2,")]
    [InlineData("30s:1e9")]
    public void What_is_no_profile_is_refused(string text) => Assert.Null(RateProfile.Parse(text));

    [Theory]
    [InlineData("250ms", 0.25)]
    [InlineData("30s", 30)]
    [InlineData("1.5m", 90)]
    [InlineData("2h", 7200)]
    public void Times_are_read_with_their_units(string text, double seconds)
    {
        Assert.True(Durations.TryParse(text, out TimeSpan time));
        Assert.Equal(seconds, time.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("1e300h")]
    [InlineData("9999h")]
    public void What_is_no_time_is_refused(string text) => Assert.False(Durations.TryParse(text, out _));

    [Fact]
    public void Lengths_are_fixed_even_or_lognormal()
    {
        Random random = new(2);
        Assert.Equal(512, Lengths.Parse("512")!.Value.Draw(random));
        int[] even = [.. Enumerable.Range(0, 20_000).Select(_ => Lengths.Parse("10-12")!.Value.Draw(random))];
        Assert.Equal([10, 11, 12], even.Distinct().Order());
        Assert.Equal(11, even.Average(), 0.05);

        double[] logs = [.. Enumerable.Range(0, 20_000).Select(_ => Math.Log(Lengths.Parse("lognormal:1000:0.5")!.Value.Draw(random)))];
        Assert.Equal(Math.Log(1000), logs.Average(), 0.02);
        Assert.Equal(0.5, Math.Sqrt(logs.Average(log => (log - logs.Average()) * (log - logs.Average()))), 0.02);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("9-5")]
    [InlineData("1-2-3")]
    [InlineData("lognormal:0:1")]
    [InlineData("lognormal:5:0")]
    [InlineData("lognormal:5:nan")]
    [InlineData("uniform:5:6")]
    [InlineData("99999999999")]
    public void What_is_no_length_is_refused(string text) => Assert.Null(Lengths.Parse(text));

    static double[] Gaps(IEnumerable<double> instants)
    {
        double[] all = [0, .. instants];
        return [.. all.Zip(all.Skip(1), (earlier, later) => later - earlier)];
    }
}
