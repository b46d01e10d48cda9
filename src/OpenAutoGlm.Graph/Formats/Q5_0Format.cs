using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 32 elements in 22 bytes (5.5 bits each): x = d · (q − 16).
/// <code>
///  0  d, F16
///  2  32 bits, little-endian: bit i is bit 4 of q of element i
///  6  16 bytes: bits 0 … 3 of elements 0 … 15 in the lower nibbles, of 16 … 31 in the upper
/// </code>
/// </summary>
sealed class Q5_0Format : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q5_0;
    public override int BlockElements => 32;
    public override int BlockBytes => 22;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => -16;
    public override sbyte GreatestCode => 15;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        Vector256<byte> fifthBits = Packed.FifthBits(BinaryPrimitives.ReadUInt32LittleEndian(block[2..]));
        ((Packed.Nibbles(block[6..]) | fifthBits) - Vector256.Create((byte)16)).AsSByte().CopyTo(codes);
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

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(block[2..], Packed.PackFifthBits(codes, -LeastCode));
        Packed.PackNibbles(codes, -LeastCode, block[6..]);
    }
}
