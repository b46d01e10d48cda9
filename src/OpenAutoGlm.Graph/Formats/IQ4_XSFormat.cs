using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 256 elements in 136 bytes (4.25 bits each), with a 6-bit scale for every 32: x = d · (s − 32) · levels[q], see
/// <see cref="Packed.NonLinearLevels"/>.
/// <code>
///  0  d, F16
///  2  16 bits, little-endian: bits 4 and 5 of s of group g in bits 2g and 2g + 1
///  4  4 bytes: bits 0 … 3 of s, even groups in the lower nibbles, odd ones in the upper
///  8  128 bytes, 16 for each group: q of its elements 0 … 15 in the lower nibbles, of 16 … 31 in the upper
/// </code>
/// </summary>
sealed class IQ4_XSFormat : QuantizedFormat
{
    static readonly byte[] Indices = Packed.IndicesOf(Packed.NonLinearLevels);

    public override TensorFormat Format => TensorFormat.IQ4_XS;
    public override int BlockElements => 256;
    public override int BlockBytes => 136;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => -127;
    public override sbyte GreatestCode => 113;

    public override sbyte NearestCode(float value) => Packed.NearestLevel(Packed.NonLinearLevels, value);

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        float d = Binary16.Read(block);
        int upperBits = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (int group = 0; group < 8; group++)
        {
            int s = ((block[4 + (group / 2)] >> (4 * (group % 2))) & 15) | (((upperBits >> (2 * group)) & 3) << 4);
            scales[group] = d * (s - 32);
            Packed.Look(Packed.NonLinearLevels, block[(8 + (16 * group))..]).CopyTo(codes[(32 * group)..]);
        }
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<int> s = stackalloc int[8];
        Span<sbyte> codes = stackalloc sbyte[256];
        SuperBlockSearch<NonLinearLevels> search = new(values, weights, default, -32, 31, s, m: default);
        search.Encode(codes);
        block[..8].Clear();
        Binary16.Write(block, search.D);
        int upperBits = 0;
        for (int group = 0; group < 8; group++)
        {
            int stored = s[group] + 32;
            upperBits |= (stored >> 4) << (2 * group);
            block[4 + (group / 2)] |= (byte)((stored & 15) << (4 * (group % 2)));
        }

        BinaryPrimitives.WriteUInt16LittleEndian(block[2..], (ushort)upperBits);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block)
    {
        for (int group = 0; group < 8; group++)
        {
            Packed.PackIndices(Indices, codes.Slice(32 * group, 32), block[(8 + (16 * group))..]);
        }
    }
}
