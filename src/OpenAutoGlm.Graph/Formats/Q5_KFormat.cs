using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 256 elements in 176 bytes (5.5 bits each), with a 6-bit scale and minimum for every 32: x = d · s · q − dmin · m.
/// <code>
///   0  d, F16
///   2  dmin, F16
///   4  12 bytes: s and m of eight groups, see <see cref="SixBitScales"/>
///  16  32 bytes: bit g of byte i is bit 4 of q of element i of group g
///  48  128 bytes, 32 for each pair of groups: bits 0 … 3 of the even group in the lower nibbles, of the odd one in the upper
/// </code>
/// </summary>
sealed class Q5_KFormat : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q5_K;
    public override int BlockElements => 256;
    public override int BlockBytes => 176;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => true;
    public override sbyte LeastCode => 0;
    public override sbyte GreatestCode => 31;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        SixBitScales.Read(block, scales, minimums);
        Vector256<byte> fifthBits = Vector256.Create(block.Slice(16, 32));
        for (int group = 0; group < 8; group++)
        {
            Vector256<byte> bytes = Vector256.Create(block.Slice(48 + (32 * (group / 2)), 32));
            Vector256<byte> lower = Packed.Bits(bytes, 4 * (group % 2), 4);
            Vector256<byte> upper = Vector256.ShiftLeft(Packed.Bits(fifthBits, group, 1), 4);
            (lower | upper).AsSByte().CopyTo(codes[(32 * group)..]);
        }
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<int> s = stackalloc int[8];
        Span<int> m = stackalloc int[8];
        Span<sbyte> codes = stackalloc sbyte[256];
        SuperBlockSearch<IntegerLevels> search = new(values, weights, new IntegerLevels(LeastCode, GreatestCode), 0, SixBitScales.Greatest, s, m);
        search.Encode(codes);
        SixBitScales.Write(search.D, search.Dmin, s, m, block);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block)
    {
        block[16..].Clear();
        for (int i = 0; i < 256; i++)
        {
            int group = i / 32;
            block[16 + (i % 32)] |= (byte)((codes[i] >> 4) << group);
            block[48 + (32 * (group / 2)) + (i % 32)] |= (byte)((codes[i] & 15) << (4 * (group % 2)));
        }
    }
}
