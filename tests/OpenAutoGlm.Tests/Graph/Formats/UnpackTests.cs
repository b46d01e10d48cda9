namespace OpenAutoGlm.Graph.Formats;

public class UnpackTests
{
    public static TheoryData<TensorFormat> Formats =>
        [.. BlockFormat.All.OfType<QuantizedFormat>().Select(format => format.Format)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Any_bytes_come_apart_into_codes_in_range_that_multiply_back_to_the_dequantised_bits(TensorFormat name)
    {
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(name);
        Random random = new(3);
        byte[] blocks = new byte[format.BlockBytes * 500];
        random.NextBytes(blocks);
        blocks.AsSpan(0, format.BlockBytes).Clear();
        blocks.AsSpan(format.BlockBytes, format.BlockBytes).Fill(0xFF);

        int elements = format.BlockElements * 500;
        sbyte[] codes = new sbyte[elements];
        float[] scales = new float[elements / format.GroupElements];
        float[] minimums = new float[format.HasMinimum ? scales.Length : 0];
        float[] values = new float[elements];
        format.Unpack(blocks, codes, scales, minimums);
        format.Dequantize(blocks, values);
        for (int i = 0; i < elements; i++)
        {
            int group = i / format.GroupElements;
            float product = scales[group] * codes[i];
            float fused = format.HasMinimum ? MathF.FusedMultiplyAdd(scales[group], codes[i], minimums[group]) : product;
            float separate = format.HasMinimum ? product + minimums[group] : product;
            Assert.True(Same(values[i], fused) && Same(values[i], separate), $"element {i}: {values[i]:R}, fused {fused:R}, separate {separate:R}");
        }

        // Random bytes reach both ends of the range in every format.
        Assert.Equal((format.LeastCode, format.GreatestCode), (codes.Min(), codes.Max()));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Codes_can_be_written_anew_and_nothing_else_changes(TensorFormat name)
    {
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(name);
        Random random = new(4);
        int elements = format.BlockElements * 20;
        float[] values = [.. Enumerable.Range(0, elements).Select(_ => random.NextSingle() - 0.4f)];
        byte[] blocks = new byte[format.BlockBytes * 20];
        format.Quantize(values, [], blocks);
        byte[] original = [.. blocks];
        (sbyte[] codes, float[] scales, float[] minimums) = Apart(blocks);

        sbyte[] others = [.. codes.Select(_ => format.NearestCode((random.NextSingle() - 0.5f) * 300))];
        format.Recode(others, blocks);
        (sbyte[] otherCodes, float[] otherScales, float[] otherMinimums) = Apart(blocks);
        Assert.Equal(others, otherCodes);
        Assert.Equal(scales, otherScales);
        Assert.Equal(minimums, otherMinimums);

        // The search ends with the nearest codes to its scales, so these are found again.
        sbyte[] nearest = [.. values.Select((value, i) =>
        {
            int group = i / format.GroupElements;
            return format.NearestCode((value - minimums[group]) * (scales[group] == 0 ? 0 : 1 / scales[group]));
        })];
        format.Recode(nearest, blocks);
        Assert.Equal(original, blocks);
        Assert.Throws<ArgumentException>(() => format.Recode(nearest, new byte[format.BlockBytes]));

        (sbyte[] Codes, float[] Scales, float[] Minimums) Apart(byte[] from)
        {
            (sbyte[] c, float[] s, float[] m) = (new sbyte[elements], new float[elements / format.GroupElements], new float[elements / format.GroupElements]);
            format.Unpack(from, c, s, m);
            return (c, s, m);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Groups_divide_activation_blocks_and_blocks(TensorFormat name)
    {
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(name);
        Assert.True(format.GroupElements is 16 or 32);
        Assert.Equal(0, format.BlockElements % ActivationBlocks.Elements);
        Assert.Equal(format.BlockElements, format.BlockGroups * format.GroupElements);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Lengths_that_do_not_belong_together_are_refused_with_the_numbers(TensorFormat name)
    {
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(name);
        ArgumentException refusal = Assert.Throws<ArgumentException>(() =>
            format.Dequantize(new byte[format.BlockBytes - 1], new float[format.BlockElements]));
        Assert.Contains($"{format.BlockBytes} bytes, not {format.BlockBytes - 1}", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => format.Dequantize(new byte[format.BlockBytes], new float[format.BlockElements - 1]));
        Assert.Throws<ArgumentException>(() =>
            format.Unpack(new byte[format.BlockBytes], new sbyte[format.BlockElements], new float[format.BlockGroups + 1], new float[format.BlockGroups]));
    }

    [Theory]
    [InlineData(0, 0f)]
    [InlineData(1, 1.17549435e-38f)]
    [InlineData(127, 2f)]
    [InlineData(255, float.NaN)]
    public void An_MXFP4_exponent_is_a_power_of_two_or_NaN(byte exponent, float two)
    {
        // Code 4 is 2.0 in E2M1; at e = 0 it is 2 · 2⁻¹²⁷, denormal.
        byte[] block = new byte[17];
        block.AsSpan(1).Fill(0x44);
        block[0] = exponent;
        float[] values = new float[32];
        BlockFormat.Of(TensorFormat.MXFP4).Dequantize(block, values);
        float expected = exponent == 0 ? MathF.ScaleB(1, -126) : exponent == 1 ? MathF.ScaleB(1, -125) : two;
        Assert.All(values, value => Assert.Equal(expected, value));
    }

    static bool Same(float a, float b) =>
        BitConverter.SingleToInt32Bits(a) == BitConverter.SingleToInt32Bits(b) || (float.IsNaN(a) && float.IsNaN(b));
}
