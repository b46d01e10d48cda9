using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

public class TwoOfFourTests
{
    public static TheoryData<TensorFormat> Supported => [.. RoundingMethodTests.Quantised.Select(row => row.Data).Where(TwoOfFour.Supports)];

    [Fact]
    public void Formats_with_an_exact_zero_are_supported() => Assert.Equal(
        [TensorFormat.Q4_0, TensorFormat.Q5_0, TensorFormat.Q8_0, TensorFormat.Q3_K, TensorFormat.Q6_K, TensorFormat.MXFP4],
        Supported.Select(row => row.Data).Order());

    [Theory]
    [MemberData(nameof(Supported))]
    public void Half_of_the_values_are_zero_and_no_four_keeps_more_than_two(TensorFormat format)
    {
        Random random = new(1);
        ColumnStatistics statistics = Samples.Statistics(Samples.Correlated(random, 300, 256), 256);
        Tensor weight = Samples.Weight(Samples.Normal(random, 20, 256), 256);
        foreach (ColumnStatistics? known in (ColumnStatistics?[])[null, statistics])
        {
            foreach (bool compensated in (bool[])[false, true])
            {
                (long fours, long violations, double zeros) = TwoOfFour.Check(new TwoOfFour { Compensated = compensated }.Rounded(weight, format, known));
                Assert.Equal((20 * 64, 0), (fours, violations));
                Assert.InRange(zeros, 0.5, 0.7);
            }
        }

        Assert.True(TwoOfFour.Check(new Nearest().Rounded(weight, format, null)).Violations > 0);
    }

    [Fact]
    public void The_kept_two_are_those_that_count_most()
    {
        Tensor weight = Samples.Weight([.. Enumerable.Repeat((float[])[1, 2, 3, 4], 8).SelectMany(four => four)], 32);
        Assert.Equal([0f, 0, 1, 1], Kept(weight, null));

        float[] importance = [.. Enumerable.Repeat((float[])[100, 1, 1, 1], 8).SelectMany(four => four)];
        ColumnStatistics statistics = new() { Columns = 32, Rows = 9, MeanSquare = importance, MeanAbs = importance, Max = importance };
        Assert.Equal([1f, 0, 0, 1], Kept(weight, statistics));

        static float[] Kept(Tensor weight, ColumnStatistics? statistics) =>
            [.. new TwoOfFour().Rounded(weight, TensorFormat.Q8_0, statistics).ToFloats()[..4].Select(value => value == 0 ? 0f : 1)];
    }

    [Fact]
    public void Later_columns_make_good_what_is_dropped()
    {
        Random random = new(2);
        float[] x = Samples.Correlated(random, 400, 256);
        ColumnStatistics statistics = Samples.Statistics(x, 256);
        Tensor weight = Samples.Weight(Samples.Normal(random, 10, 256), 256);
        double chosen = Samples.OutputError(x, weight, new TwoOfFour().Rounded(weight, TensorFormat.Q4_0, statistics));
        double compensated = Samples.OutputError(x, weight, new TwoOfFour { Compensated = true }.Rounded(weight, TensorFormat.Q4_0, statistics));

        Assert.True(compensated < 0.8 * chosen, $"{compensated:G4} of {chosen:G4}");
    }

    [Theory]
    [InlineData(TensorFormat.Q4_K)]
    [InlineData(TensorFormat.Q4_1)]
    [InlineData(TensorFormat.IQ4_NL)]
    [InlineData(TensorFormat.F16)]
    public void Formats_without_an_exact_zero_are_refused_with_those_that_have_one(TensorFormat format) => Assert.Contains(
        "Q4_0", Assert.Throws<NotSupportedException>(() => new TwoOfFour().Rounded(Samples.Weight(new float[256], 256), format, null)).Message, StringComparison.Ordinal);
}
