using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 32 elements in 18 bytes (4.5 bits each): x = d · (q − 8).
/// <code>
///  0  d, F16
///  2  16 bytes: q of elements 0 … 15 in the lower nibbles, of 16 … 31 in the upper
/// </code>
/// </summary>
sealed class Q4_0Format : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q4_0;
    public override int BlockElements => 32;
    public override int BlockBytes => 18;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => -8;
    public override sbyte GreatestCode => 7;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        (Packed.Nibbles(block[2..]) - Vector256.Create((byte)8)).AsSByte().CopyTo(codes);
        scales[0] = Binary16.Read(block);
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        IntegerLevels levels = new(LeastCode, GreatestCode);
        Span<sbyte> codes = stackalloc sbyte[32];
        float d = ScaleSearch.Stored(ScaleSearch.Scale(values, weights, levels), levels.Greatest);
        ScaleSearch.Encode(values, levels, d, 0, codes);
        Binary16.Write(block, d);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block) =>
        Packed.PackNibbles(codes, -LeastCode, block[2..]);
}
