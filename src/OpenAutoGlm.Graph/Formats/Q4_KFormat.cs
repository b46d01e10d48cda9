using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 256 elements in 144 bytes (4.5 bits each), with a 6-bit scale and minimum for every 32: x = d · s · q − dmin · m.
/// <code>
///   0  d, F16
///   2  dmin, F16
///   4  12 bytes: s and m of eight groups, see <see cref="SixBitScales"/>
///  16  128 bytes, 32 for each pair of groups: q of the even group in the lower nibbles, of the odd one in the upper
/// </code>
/// </summary>
sealed class Q4_KFormat : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q4_K;
    public override int BlockElements => 256;
    public override int BlockBytes => 144;
    public override bool CanQuantize => true;
    public override int GroupElements => 32;
    public override bool HasMinimum => true;
    public override sbyte LeastCode => 0;
    public override sbyte GreatestCode => 15;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        SixBitScales.Read(block, scales, minimums);
        for (int pair = 0; pair < 4; pair++)
        {
            Vector256<byte> bytes = Vector256.Create(block.Slice(16 + (32 * pair), 32));
            Packed.Bits(bytes, 0, 4).AsSByte().CopyTo(codes[(64 * pair)..]);
            Packed.Bits(bytes, 4, 4).AsSByte().CopyTo(codes[((64 * pair) + 32)..]);
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
        for (int i = 0; i < 128; i++)
        {
            int lower = (64 * (i / 32)) + (i % 32);
            block[16 + i] = (byte)(codes[lower] + (codes[lower + 32] << 4));
        }
    }
}
