using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 32 elements in 17 bytes (4.25 bits each): x = 2^(e − 127) · E2M1[q]. The codes are the doubled values, which are
/// integers, and the scale is half the shared one. e = 255 is NaN. Source: OCP Microscaling Formats 1.0, §5.2 and §5.3.3.
/// <code>
///  0  e, E8M0
///  1  16 bytes: q of elements 0 … 15 in the lower nibbles, of 16 … 31 in the upper
/// </code>
/// </summary>
sealed class MXFP4Format : QuantizedFormat
{
    static readonly byte[] Indices = Packed.IndicesOf(Packed.DoubledE2M1);

    public override TensorFormat Format => TensorFormat.MXFP4;
    public override int BlockElements => 32;
    public override int BlockBytes => 17;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => -12;
    public override sbyte GreatestCode => 12;

    public override sbyte NearestCode(float value)
    {
        sbyte magnitude = Packed.NearestLevel(Packed.DoubledE2M1[..8], MathF.Abs(value));
        return value < 0 ? (sbyte)-magnitude : magnitude;
    }

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        Packed.Look(Packed.DoubledE2M1, block[1..]).CopyTo(codes);
        scales[0] = HalfScale(block[0]);
    }

    /// <summary>
    /// The specification's exponent, ⌊log₂ max|x|⌋ − 2, lets up to a quarter of the largest value be cut off; the one above keeps
    /// it and makes small values coarser. The better of these and the one below is taken: below is best where little
    /// importance lies on the largest.
    /// </summary>
    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        block.Clear();
        float extreme = MathF.Abs(ScaleSearch.Extreme(values));
        if (extreme == 0)
        {
            return;
        }

        Span<float> flatter = stackalloc float[32];
        Flatten(values, weights, flatter);
        int specified = (BitConverter.SingleToInt32Bits(extreme) >> 23) - 2;
        (int best, float least) = (specified, float.PositiveInfinity);
        for (int e = specified - 1; e <= specified + 1; e++)
        {
            float error = ScaleSearch.Error(values, flatter, default(DoubledE2M1Levels), HalfScale(e), 0);
            if (error < least)
            {
                (best, least) = (e, error);
            }
        }

        Span<sbyte> codes = stackalloc sbyte[32];
        ScaleSearch.Encode(values, default(DoubledE2M1Levels), HalfScale(best), 0, codes);
        block[0] = (byte)best;
        WriteCodes(codes, block);
    }

    /// <summary>
    /// From x² + 2 · mean(x²) to x² + 8 · mean(x²), importance as it was. Between powers of two there is nothing to choose, and
    /// with the usual weights the few large values would double the step for all others, at a loss of 2 % in the plain error.
    /// </summary>
    static void Flatten(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<float> flatter)
    {
        float mean = 0;
        foreach (float value in values)
        {
            mean += value * value / values.Length;
        }

        for (int i = 0; i < values.Length; i++)
        {
            float square = values[i] * values[i];
            flatter[i] = weights[i] * ((square + (8 * mean)) / (square + (2 * mean)));
        }
    }

    /// <summary>2^(e − 128), which is denormal for e = 0 and 1.</summary>
    static float HalfScale(int e)
    {
        int bits = e switch
        {
            255 => 0x7FC00000,
            < 2 => 0x00200000 << e,
            _ => (e - 1) << 23,
        };
        return BitConverter.Int32BitsToSingle(bits);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block) =>
        Packed.PackIndices(Indices, codes, block[1..]);
}
