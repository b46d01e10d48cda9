using System.Security.Cryptography;

namespace OpenAutoGlm.Graph.Formats;

public class QuantizeTests
{
    const float LeastHalf = 1 / 16777216f;

    public static TheoryData<TensorFormat> Formats =>
        [.. BlockFormat.All.OfType<QuantizedFormat>().Where(format => format.CanQuantize).Select(format => format.Format)];

    /// <summary>All but Q8_0, which only rounds, so that importance does nothing.</summary>
    public static TheoryData<TensorFormat> SearchedFormats =>
        [.. Formats.Select(row => row.Data).Except([TensorFormat.Q8_0])];

    public static TheoryData<TensorFormat> ReadOnlyFormats =>
        [.. BlockFormat.All.Where(format => !format.CanQuantize).Select(format => format.Format)];

    /// <summary>Root mean square of the error over that of normally distributed values.</summary>
    public static TheoryData<TensorFormat, double> ErrorsOfNormalValues => new()
    {
        { TensorFormat.Q8_0, 0.0055 }, { TensorFormat.Q6_K, 0.0175 },
        { TensorFormat.Q5_K, 0.0355 }, { TensorFormat.Q5_1, 0.0345 }, { TensorFormat.Q5_0, 0.0415 },
        { TensorFormat.Q4_K, 0.0720 }, { TensorFormat.Q4_1, 0.0710 }, { TensorFormat.Q4_0, 0.0840 }, { TensorFormat.IQ4_NL, 0.0770 },
        { TensorFormat.IQ4_XS, 0.0755 }, { TensorFormat.MXFP4, 0.115 }, { TensorFormat.Q3_K, 0.146 }, { TensorFormat.Q2_K, 0.27 },
    };

    [Theory]
    [MemberData(nameof(ErrorsOfNormalValues))]
    public void Normal_values_lose_no_more_than_the_bits_allow(TensorFormat format, double bound)
    {
        float[] values = Normal(new Random(1), 16384, 0.02f);
        float[] back = RoundTrip(format, values);
        Assert.InRange(Rms(values, back) / Rms(values, new float[values.Length]), 0.8 * bound, bound);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void No_block_loses_more_than_three_quarters_of_a_step(TensorFormat name)
    {
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(name);
        Random random = new(2);
        for (int round = 0; round < 400; round++)
        {
            float[] values = Hostile(random, format.BlockElements, round);
            float[] back = RoundTrip(name, values);
            double range = format.HasMinimum
                ? Math.Max(values.Max(), 0) - Math.Min(values.Min(), 0)
                : 2 * values.Max(Math.Abs);

            // In IQ4_NL and IQ4_XS the widest gap between levels is 24 of 240. In MXFP4 it is 4 of 24, and as scales are powers
            // of two, the largest value may come to lie as low as 6.5 of 12.
            double widest = name is TensorFormat.IQ4_NL or TensorFormat.IQ4_XS ? 24 : 1;
            double steps = name switch
            {
                TensorFormat.IQ4_NL or TensorFormat.IQ4_XS => 10,
                TensorFormat.MXFP4 => 3.25,
                _ => format.GreatestCode - format.LeastCode,
            };
            double leastStep = LeastHalf * widest;
            double allowed = 0.75 * ((range / steps) + leastStep);
            Assert.True(Rms(values, back) <= allowed, $"round {round}: {Rms(values, back)}, allowed {allowed}");
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Zeros_and_denormals_become_zero(TensorFormat format)
    {
        int elements = BlockFormat.Of(format).BlockElements;
        Assert.All(RoundTrip(format, new float[elements]), value => Assert.Equal(0, value));
        float[] denormals = new float[elements];
        denormals.AsSpan().Fill(-1e-40f);
        denormals[^1] = 2e-8f;
        Assert.All(RoundTrip(format, denormals), value => Assert.Equal(0, value));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_single_weight_among_zeros_is_kept(TensorFormat format)
    {
        int elements = BlockFormat.Of(format).BlockElements;
        double allowed = format switch
        {
            TensorFormat.MXFP4 => 0.2, // A power of two times 4 or 6.
            TensorFormat.IQ4_NL or TensorFormat.IQ4_XS => 0.01, // The level nearest to zero is 1 of 127.
            TensorFormat.Q4_K or TensorFormat.Q5_K => 0.006, // 0.0123 / 31 / 63 is a denormal F16 of seven bits.
            _ => 0.001,
        };
        foreach (float weight in (float[])[1, -1, 0.0123f, -0.0123f, 65504, -65504])
        {
            foreach (int at in (int[])[0, 5, elements - 1])
            {
                float[] values = new float[elements];
                values[at] = weight;
                float[] back = RoundTrip(format, values);
                for (int i = 0; i < elements; i++)
                {
                    Assert.InRange(Math.Abs(back[i] - values[i]) / Math.Abs(weight), 0, allowed);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Codes_are_the_nearest_to_the_scales_as_they_are_stored(TensorFormat name)
    {
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(name);
        float[] values = Normal(new Random(4), format.BlockElements * 4, 1);
        byte[] blocks = new byte[format.RowBytes(values.Length)];
        format.Quantize(values, [], blocks);
        sbyte[] codes = new sbyte[values.Length];
        float[] scales = new float[values.Length / format.GroupElements];
        float[] minimums = new float[scales.Length];
        format.Unpack(blocks, codes, scales, minimums);
        sbyte[] possible = [.. codes.Distinct()];
        for (int i = 0; i < values.Length; i++)
        {
            (float scale, float minimum) = (scales[i / format.GroupElements], minimums[i / format.GroupElements]);
            double error = Math.Abs((scale * codes[i]) + minimum - values[i]);
            Assert.All(possible, code => Assert.True(error <= Math.Abs((scale * code) + minimum - values[i]) + 1e-6));
        }
    }

    [Theory]
    [MemberData(nameof(SearchedFormats))]
    public void The_more_important_values_are_the_less_they_lose(TensorFormat name)
    {
        float[] values = Normal(new Random(6), 8192, 1);
        double[] losses = [.. new float[] { 1, 4, 64, 1024 }.Select(factor =>
        {
            float[] importance = [.. values.Select((_, i) => i % 8 == 0 ? factor : 1)];
            float[] back = RoundTrip(name, values, importance);
            return values.Index().Where(pair => pair.Index % 8 == 0).Sum(pair => Math.Pow(pair.Item - (double)back[pair.Index], 2));
        })];
        Assert.Equal(losses.OrderDescending(), losses);

        // In MXFP4 there is only a power of two to choose.
        Assert.True(losses[^1] < (name == TensorFormat.MXFP4 ? 0.95 : 0.8) * losses[0], string.Join(", ", losses));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Importance_of_zero_everywhere_and_of_any_size_is_taken(TensorFormat format)
    {
        float[] values = Normal(new Random(8), 256, 1);
        float[] plain = RoundTrip(format, values);
        foreach (float everywhere in (float[])[0, 1e-38f, 3e38f])
        {
            float[] importance = new float[256];
            importance.AsSpan().Fill(everywhere);
            Assert.Equal(plain, RoundTrip(format, values, importance));
        }

        float[] one = new float[256];
        one[77] = 1e-20f;
        Assert.All(RoundTrip(format, values, one), value => Assert.True(float.IsFinite(value)));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Values_that_no_scale_can_hold_are_refused_with_their_index(TensorFormat format)
    {
        foreach (float value in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity, 65505, -1e30f])
        {
            float[] values = new float[512];
            values[300] = value;
            ArgumentException refusal = Assert.Throws<ArgumentException>(() => RoundTrip(format, values));
            Assert.Contains("at index 300", refusal.Message, StringComparison.Ordinal);
            Assert.Contains(format.ToString(), refusal.Message, StringComparison.Ordinal);
        }

        foreach (float factor in (float[])[float.NaN, float.PositiveInfinity, -1])
        {
            float[] importance = new float[512];
            importance[300] = factor;
            ArgumentException refusal = Assert.Throws<ArgumentException>(() => RoundTrip(format, new float[512], importance));
            Assert.Contains("at index 300", refusal.Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>(() => RoundTrip(format, new float[512], new float[511]));
    }

    [Theory]
    [MemberData(nameof(ReadOnlyFormats))]
    public void Formats_that_can_only_be_read_say_so(TensorFormat format) =>
        Assert.Throws<NotSupportedException>(() => RoundTrip(format, new float[256]));

    /// <summary>The script that runs these tests on every instruction set is what gives this one its meaning.</summary>
    [Theory]
    [InlineData(TensorFormat.Q8_0, "F119E08AD42AA818")]
    [InlineData(TensorFormat.Q6_K, "E8839657D2CDFCC1")]
    [InlineData(TensorFormat.Q5_K, "48D9EE063BE819B2")]
    [InlineData(TensorFormat.Q5_1, "02B04F8F01CBCEBD")]
    [InlineData(TensorFormat.Q5_0, "F5AA204E1DD225DB")]
    [InlineData(TensorFormat.Q4_K, "18126E7102CF3D26")]
    [InlineData(TensorFormat.Q4_1, "AF15CEB89F84504D")]
    [InlineData(TensorFormat.Q4_0, "25CF6CACD9590588")]
    [InlineData(TensorFormat.IQ4_NL, "CE3207FBD99AA468")]
    [InlineData(TensorFormat.IQ4_XS, "9AB77E0ED87A9654")]
    [InlineData(TensorFormat.MXFP4, "B589FF6BEDE3319A")]
    [InlineData(TensorFormat.Q3_K, "BA39D8CFD990A25E")]
    [InlineData(TensorFormat.Q2_K, "8999D6AE939812F9")]
    public void The_bytes_are_the_same_on_every_instruction_set(TensorFormat name, string expected)
    {
        BlockFormat format = BlockFormat.Of(name);
        Random random = new(9);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int round = 0; round < 64; round++)
        {
            byte[] blocks = new byte[format.RowBytes(256)];
            format.Quantize(Hostile(random, 256, round), [], blocks);
            hash.AppendData(blocks);
        }

        Assert.Equal(expected, Convert.ToHexString(hash.GetHashAndReset())[..16]);
    }

    static float[] RoundTrip(TensorFormat name, float[] values, float[]? importance = null)
    {
        BlockFormat format = BlockFormat.Of(name);
        byte[] blocks = new byte[format.RowBytes(values.Length)];
        float[] back = new float[values.Length];
        format.Quantize(values, importance, blocks);
        format.Dequantize(blocks, back);
        return back;
    }

    static double Rms(float[] values, float[] back) =>
        Math.Sqrt(values.Zip(back, (value, other) => Math.Pow(value - (double)other, 2)).Average());

    static float[] Normal(Random random, int count, float deviation) =>
        [.. Enumerable.Range(0, count).Select(_ => deviation * Normal(random))];

    /// <summary>The sum of twelve uniform values: no library function in it whose last bit differs between machines.</summary>
    static float Normal(Random random)
    {
        float sum = -6;
        for (int i = 0; i < 12; i++)
        {
            sum += random.NextSingle();
        }

        return sum;
    }

    /// <summary>Blocks of many kinds and magnitudes: normal, outliers, one-sided, far from zero, few levels, mixed exponents.</summary>
    static float[] Hostile(Random random, int count, int round)
    {
        float magnitude = BitConverter.Int32BitsToSingle((127 + random.Next(-26, 13)) << 23);
        return [.. Enumerable.Range(0, count).Select(_ => magnitude * (round % 6) switch
        {
            0 => Normal(random) / 6,
            1 => random.Next(20) == 0 ? random.NextSingle() : Normal(random) / 100,
            2 => random.NextSingle(),
            3 => -1 - (random.NextSingle() / 100),
            4 => random.Next(-1, 2),
            _ => (random.NextSingle() - 0.5f) / (1 << random.Next(20)),
        })];
    }
}
