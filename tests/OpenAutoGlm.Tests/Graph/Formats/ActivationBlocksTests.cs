namespace OpenAutoGlm.Graph.Formats;

public class ActivationBlocksTests
{
    [Fact]
    public void Rounding_is_off_by_at_most_half_a_step_and_the_largest_becomes_127()
    {
        Random random = new(5);
        for (int round = 0; round < 200; round++)
        {
            float magnitude = MathF.Pow(10, random.Next(-25, 30));
            float[] values = [.. Enumerable.Range(0, 32).Select(_ => magnitude * (random.NextSingle() - 0.5f))];
            (sbyte[] codes, float scale) = Quantize(values);
            Assert.Equal(127, codes.Max(code => Math.Abs((int)code)));
            for (int i = 0; i < 32; i++)
            {
                Assert.InRange(Math.Abs(values[i] - ((double)codes[i] * scale)), 0, 0.50001 * scale);
            }
        }
    }

    [Fact]
    public void Halves_go_to_even()
    {
        float[] values = new float[32];
        (values[0], values[1], values[2], values[3], values[4]) = (127, 0.5f, 1.5f, -2.5f, -3.5f);
        Assert.Equal<sbyte>([127, 0, 2, -2, -4], Quantize(values).Codes[..5]);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(float.Epsilon)]
    [InlineData(1e-38f)]
    [InlineData(-7e-31f)]
    public void A_block_of_next_to_nothing_is_zero(float value)
    {
        float[] values = new float[32];
        values[9] = value;
        (sbyte[] codes, float scale) = Quantize(values);
        Assert.Equal(0, scale);
        Assert.All(codes, code => Assert.Equal(0, code));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_value_that_is_not_finite_makes_the_dot_product_NaN(float value)
    {
        float[] values = [.. Enumerable.Range(0, 32).Select(i => (float)i)];
        values[9] = value;
        (sbyte[] codes, float scale) = Quantize(values);
        Assert.All(codes, code => Assert.Equal(0, code));
        Assert.True(float.IsNaN(ActivationBlocks.Dot((QuantizedFormat)BlockFormat.Of(TensorFormat.Q8_0), new byte[34], codes, [scale])));
    }

    [Fact]
    public void A_dot_product_is_the_exact_one_of_the_rounded_values_up_to_float32()
    {
        Random random = new(11);
        foreach (QuantizedFormat format in BlockFormat.All.OfType<QuantizedFormat>())
        {
            byte[] weights = new byte[format.RowBytes(1024)];
            float[] dequantized = new float[1024];
            do
            {
                random.NextBytes(weights);
                format.Dequantize(weights, dequantized);
            }
            while (!dequantized.All(weight => MathF.Abs(weight) < 1e30f));

            float[] activations = [.. Enumerable.Range(0, 1024).Select(_ => random.NextSingle() - 0.3f)];
            sbyte[] codes = new sbyte[1024];
            float[] scales = new float[32];
            ActivationBlocks.Quantize(activations, codes, scales);
            (double exact, double size) = (0, 0);
            for (int i = 0; i < 1024; i++)
            {
                double product = (double)dequantized[i] * codes[i] * scales[i / 32];
                exact += product;
                size += Math.Abs(product);
            }

            Assert.InRange(Math.Abs(ActivationBlocks.Dot(format, weights, codes, scales) - exact), 0, 4e-6 * size);
        }
    }

    static (sbyte[] Codes, float Scale) Quantize(float[] values)
    {
        sbyte[] codes = new sbyte[32];
        float[] scales = new float[1];
        ActivationBlocks.Quantize(values, codes, scales);
        return (codes, scales[0]);
    }
}
