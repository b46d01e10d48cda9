using System.Runtime.InteropServices;

namespace OpenAutoGlm.Graph.Formats;

public class SixteenBitTests
{
    [Fact]
    public void All_65536_halves_are_read_as_the_runtime_reads_them()
    {
        ushort[] halves = [.. Enumerable.Range(0, 65536).Select(bits => (ushort)bits)];
        float[] values = new float[65536];
        BlockFormat.Of(TensorFormat.F16).Dequantize(MemoryMarshal.AsBytes<ushort>(halves), values);
        for (int i = 0; i < 65536; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            AssertSame(expected, values[i]);
            AssertSame(expected, Binary16.ToSingle((ushort)i));
        }
    }

    [Fact]
    public void Every_half_and_every_midpoint_is_written_to_nearest_even()
    {
        List<float> values = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 65519.996f, -65519.996f, float.Epsilon, 1e-30f];
        for (int i = 0; i < 0x7BFF; i++)
        {
            float lower = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            float upper = (float)BitConverter.UInt16BitsToHalf((ushort)(i + 1));
            float middle = (lower + upper) / 2;
            values.AddRange([lower, -lower, middle, -middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle)]);
        }

        AssertWrites(TensorFormat.F16, values, value => BitConverter.HalfToUInt16Bits((Half)value), Binary16.FromSingle);
    }

    [Fact]
    public void BF16_is_written_to_nearest_even_and_NaN_stays_NaN()
    {
        List<float> values = [float.NaN, BitConverter.UInt32BitsToSingle(0x7F800001), float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon];
        Random random = new(7);
        for (int i = 0; i < 20_000; i++)
        {
            uint upper = (uint)random.Next(0x7F80) << 16;
            values.AddRange([
                BitConverter.UInt32BitsToSingle(upper), BitConverter.UInt32BitsToSingle(upper | 0x8000),
                -BitConverter.UInt32BitsToSingle(upper | 0x7FFF), BitConverter.UInt32BitsToSingle(upper | 0x8001)]);
        }

        AssertWrites(TensorFormat.BF16, values, Nearest, BF16Format.FromSingle);

        // Rounds by comparing the distances to both neighbours in float64 instead of by adding to the bits.
        static ushort Nearest(float value)
        {
            uint bits = BitConverter.SingleToUInt32Bits(value);
            ushort truncated = (ushort)(bits >> 16);
            if (!float.IsFinite(value))
            {
                return float.IsNaN(value) ? (ushort)(truncated | 0x40) : truncated;
            }

            double below = BitConverter.UInt32BitsToSingle((uint)truncated << 16);
            float next = BitConverter.UInt32BitsToSingle((uint)(truncated + 1) << 16);
            double above = float.IsInfinity(next) ? Math.CopySign(Math.Pow(2, 128), value) : next;
            (double down, double up) = (Math.Abs(value - below), Math.Abs(above - value));
            return down < up || (down == up && truncated % 2 == 0) ? truncated : (ushort)(truncated + 1);
        }
    }

    [Theory]
    [InlineData(65520f)]
    [InlineData(-1e30f)]
    public void A_finite_value_past_the_largest_half_is_refused_with_its_index(float value)
    {
        float[] values = new float[20];
        values[17] = value;
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => BlockFormat.Of(TensorFormat.F16).Quantize(values, [], new byte[40]));
        Assert.Contains("index 17", refusal.Message, StringComparison.Ordinal);
    }

    static void AssertWrites(TensorFormat format, List<float> values, Func<float, ushort> expected, Func<float, ushort> scalar)
    {
        ushort[] written = new ushort[values.Count];
        BlockFormat.Of(format).Quantize(CollectionsMarshal.AsSpan(values), [], MemoryMarshal.AsBytes(written.AsSpan()));
        for (int i = 0; i < written.Length; i++)
        {
            Assert.True(expected(values[i]) == written[i], $"{values[i]:R}: {written[i]:X4} instead of {expected(values[i]):X4}");
            Assert.Equal(written[i], scalar(values[i]));
        }
    }

    static void AssertSame(float expected, float actual)
    {
        if (!float.IsNaN(expected) || !float.IsNaN(actual))
        {
            Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(actual));
        }
    }
}
