using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 32 elements in 20 bytes (5 bits each): x = d · q + m.
/// <code>
///  0  d, F16
///  2  m, F16
///  4  16 bytes: q of elements 0 … 15 in the lower nibbles, of 16 … 31 in the upper
/// </code>
/// </summary>
sealed class Q4_1Format : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q4_1;
    public override int BlockElements => 32;
    public override int BlockBytes => 20;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => true;
    public override sbyte LeastCode => 0;
    public override sbyte GreatestCode => 15;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        Packed.Nibbles(block[4..]).AsSByte().CopyTo(codes);
        scales[0] = Binary16.Read(block);
        minimums[0] = Binary16.Read(block[2..]);
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        IntegerLevels levels = new(LeastCode, GreatestCode);
        Span<sbyte> codes = stackalloc sbyte[32];
        (float d, float m) = ScaleSearch.ScaleAndMinimum(values, weights, levels, positiveMinimum: true);
        (d, m) = (ScaleSearch.Stored(d, levels.Greatest), Binary16.Round(Math.Clamp(m, -ErrorWeights.Largest, ErrorWeights.Largest)));
        ScaleSearch.Encode(values, levels, d, m, codes);
        Binary16.Write(block, d);
        Binary16.Write(block[2..], m);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block) => Packed.PackNibbles(codes, 0, block[4..]);
}
