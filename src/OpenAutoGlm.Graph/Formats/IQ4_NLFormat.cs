using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 32 elements in 18 bytes (4.5 bits each): x = d · levels[q], see <see cref="Packed.NonLinearLevels"/>.
/// <code>
///  0  d, F16
///  2  16 bytes: q of elements 0 … 15 in the lower nibbles, of 16 … 31 in the upper
/// </code>
/// </summary>
sealed class IQ4_NLFormat : QuantizedFormat
{
    static readonly byte[] Indices = Packed.IndicesOf(Packed.NonLinearLevels);

    public override TensorFormat Format => TensorFormat.IQ4_NL;
    public override int BlockElements => 32;
    public override int BlockBytes => 18;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => -127;
    public override sbyte GreatestCode => 113;

    public override sbyte NearestCode(float value) => Packed.NearestLevel(Packed.NonLinearLevels, value);

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        Packed.Look(Packed.NonLinearLevels, block[2..]).CopyTo(codes);
        scales[0] = Binary16.Read(block);
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        NonLinearLevels levels = default;
        Span<sbyte> codes = stackalloc sbyte[32];
        float d = ScaleSearch.Stored(ScaleSearch.Scale(values, weights, levels), levels.Greatest);
        ScaleSearch.Encode(values, levels, d, 0, codes);
        Binary16.Write(block, d);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block) =>
        Packed.PackIndices(Indices, codes, block[2..]);
}
