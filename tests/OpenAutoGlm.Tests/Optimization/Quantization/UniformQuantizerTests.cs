namespace OpenAutoGlm.Optimization.Quantization;

public class UniformQuantizerTests
{
    [Fact]
    public void Narrower_spans_lose_less_and_each_bit_halves_the_error()
    {
        Random random = new(1);
        float[] values = Samples.Normal(random, 64, 256);
        for (int row = 0; row < 64; row++)
        {
            foreach (ref float value in values.AsSpan(row * 256, 256))
            {
                value *= 1 + row;
            }
        }

        double tensor = Error(new UniformQuantizer(8, QuantizerSpan.Tensor), values);
        double channel = Error(new UniformQuantizer(8, QuantizerSpan.Channel), values);
        double group = Error(new UniformQuantizer(8, QuantizerSpan.Group), values);
        Assert.True(group < channel && channel < tensor, $"{group} {channel} {tensor}");
        Assert.Equal(2, Error(new UniformQuantizer(7, QuantizerSpan.Channel), values) / channel, 0.1);
    }

    [Fact]
    public void Values_on_one_side_of_zero_want_the_asymmetric_form()
    {
        float[] values = [.. Samples.Normal(new Random(2), 4, 256).Select(MathF.Abs)];
        double symmetric = Error(new UniformQuantizer(4, QuantizerSpan.Channel), values);
        double asymmetric = Error(new UniformQuantizer(4, QuantizerSpan.Channel, Symmetric: false), values);
        Assert.InRange(asymmetric / symmetric, 0.4, 0.6);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_value_is_off_by_more_than_half_a_step_and_zero_stays_zero(bool symmetric)
    {
        float[] values = Samples.Normal(new Random(3), 8, 100);
        values[50] = 0;
        float[] rounded = [.. values];
        UniformError error = new UniformQuantizer(6, QuantizerSpan.Tensor, symmetric).Round(rounded, 100);
        double range = symmetric ? 2 * values.Max(Math.Abs) / 62 : (values.Max() - values.Min()) / 63;
        Assert.InRange(error.Largest, 0, 0.5 * range * (symmetric ? 1.0001 : 2));
        Assert.Equal(0, rounded[50]);
        Assert.Equal(values.Zip(rounded, (a, b) => Math.Pow(a - (double)b, 2)).Average(), error.MeanSquare, 1e-9);
    }

    [Fact]
    public void Clipping_an_outlier_away_serves_the_many()
    {
        float[] values = Samples.Normal(new Random(4), 1, 1000);
        values[0] = 60;
        float[] clipped = [.. values];
        new UniformQuantizer(4, QuantizerSpan.Tensor).Round(clipped, 1000, clip: 0.05);
        float[] whole = [.. values];
        new UniformQuantizer(4, QuantizerSpan.Tensor).Round(whole, 1000);
        Assert.True(Rest(values, clipped) < 0.2 * Rest(values, whole));

        static double Rest(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Pow(x - (double)y, 2)).Skip(1).Sum();
    }

    [Fact]
    public void What_is_no_number_no_row_or_no_width_is_refused()
    {
        Assert.Contains("index 3", Assert.Throws<ArgumentException>(() => new UniformQuantizer(8, QuantizerSpan.Channel).Round([0, 1, 2, float.NaN], 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new UniformQuantizer(8, QuantizerSpan.Channel).Round(new float[5], 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new UniformQuantizer(1, QuantizerSpan.Channel).Round(new float[4], 2));
    }

    static double Error(UniformQuantizer quantizer, float[] values) => quantizer.Round([.. values], 256).Relative;
}
