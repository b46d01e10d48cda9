using System.Runtime.InteropServices;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Formats;

public class ReadingTests
{
    public static TheoryData<TensorFormat> Formats =>
        [.. BlockFormat.All.Select(format => format.Format).Except([TensorFormat.F32, TensorFormat.I32])];

    public static TheoryData<TensorFormat> QuantizedFormats =>
        [.. BlockFormat.All.OfType<QuantizedFormat>().Select(format => format.Format)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Blocks_are_read_to_the_same_bits_as_llama_cpp_reads(TensorFormat name)
    {
        GoldenBlocks golden = GoldenBlocks.Of(name);
        float[] values = new float[GoldenBlocks.Rows * GoldenBlocks.Columns];
        BlockFormat.Of(name).Dequantize(golden.Blocks, values);
        Assert.Equal(MemoryMarshal.Cast<float, int>(golden.Dequantized), MemoryMarshal.Cast<float, int>(values));
    }

    [Theory]
    [MemberData(nameof(QuantizedFormats))]
    public void Dot_products_agree_with_exact_ones_up_to_the_rounding_of_the_activations(TensorFormat name)
    {
        QuantizedFormat format = (QuantizedFormat)BlockFormat.Of(name);
        GoldenBlocks golden = GoldenBlocks.Of(name);
        float[] activations = GoldenBlocks.Activations;
        sbyte[] codes = new sbyte[GoldenBlocks.Columns];
        float[] scales = new float[GoldenBlocks.Columns / ActivationBlocks.Elements];
        ActivationBlocks.Quantize(activations, codes, scales);
        int rowBytes = (int)format.RowBytes(GoldenBlocks.Columns);
        for (int row = 0; row < GoldenBlocks.Rows; row++)
        {
            float dot = ActivationBlocks.Dot(format, golden.Blocks.AsSpan(row * rowBytes, rowBytes), codes, scales);
            (double exact, double rounded, double largestError) = (0, 0, 0);
            for (int i = 0; i < GoldenBlocks.Columns; i++)
            {
                double weight = golden.Dequantized[(row * GoldenBlocks.Columns) + i];
                exact += weight * activations[i];
                rounded += weight * codes[i] * scales[i / ActivationBlocks.Elements];
                largestError += Math.Abs(weight * activations[i]);
            }

            // Float32 accumulation against float64 with the very same integers, then the int8 rounding itself; both
            // bounds are shares of Σ |w·x|. llama.cpp's own products stay within the second, with its 256-wide blocks.
            Assert.InRange(Math.Abs(dot - rounded), 0, 2e-6 * largestError);
            Assert.InRange(Math.Abs(dot - exact), 0, 2e-3 * largestError);
            Assert.InRange(Math.Abs(golden.Dots[row] - dot), 0, 1e-2 * largestError);
        }
    }
}
