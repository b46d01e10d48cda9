using System.Runtime.InteropServices;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 32 elements in 34 bytes (8.5 bits each): x = d · q.
/// <code>
///  0  d, F16
///  2  32 signed bytes: q
/// </code>
/// </summary>
sealed class Q8_0Format : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q8_0;
    public override int BlockElements => 32;
    public override int BlockBytes => 34;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => sbyte.MinValue;
    public override sbyte GreatestCode => sbyte.MaxValue;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        MemoryMarshal.Cast<byte, sbyte>(block[2..]).CopyTo(codes);
        scales[0] = Binary16.Read(block);
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        // 8 bits leave so little to gain that the scale is not searched: the largest value becomes ±127.
        float d = ScaleSearch.Stored(MathF.Abs(ScaleSearch.Extreme(values)) / 127, 127);
        Binary16.Write(block, d);
        ScaleSearch.Encode(values, new IntegerLevels(-127, 127), d, 0, MemoryMarshal.Cast<byte, sbyte>(block[2..]));
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block) =>
        MemoryMarshal.AsBytes(codes).CopyTo(block[2..]);
}
