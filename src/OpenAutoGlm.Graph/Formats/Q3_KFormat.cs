using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 256 elements in 110 bytes (3.4375 bits each), with a 6-bit scale for every 16: x = d · (s − 32) · (q − 4).
/// <code>
///   0  32 bytes: bit r of byte i is bit 2 of q of element i of run r; a run has 32 elements
///  32  64 bytes, 32 for each half: bits 0 and 1. Run r of the half's four runs has bits 2r and 2r + 1
///  96  8 bytes: bits 0 … 3 of s, groups 0 … 7 in the lower nibbles, 8 … 15 in the upper
/// 104  4 bytes: bits 4 and 5 of s of group g in bits 2(g / 4) and 2(g / 4) + 1 of byte g mod 4
/// 108  d, F16
/// </code>
/// </summary>
sealed class Q3_KFormat : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q3_K;
    public override int BlockElements => 256;
    public override int BlockBytes => 110;
    public override bool CanQuantize => true;
    public override int GroupElements => 16;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => -4;
    public override sbyte GreatestCode => 3;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        float d = Binary16.Read(block[108..]);
        for (int group = 0; group < 16; group++)
        {
            int lower = (block[96 + (group % 8)] >> (4 * (group / 8))) & 15;
            int upper = (block[104 + (group % 4)] >> (2 * (group / 4))) & 3;
            scales[group] = d * ((lower | (upper << 4)) - 32);
        }

        Vector256<byte> thirdBits = Vector256.Create(block[..32]);
        for (int run = 0; run < 8; run++)
        {
            Vector256<byte> bytes = Vector256.Create(block.Slice(32 + (32 * (run / 4)), 32));
            Vector256<byte> lower = Packed.Bits(bytes, 2 * (run % 4), 2);
            Vector256<byte> upper = Vector256.ShiftLeft(Packed.Bits(thirdBits, run, 1), 2);
            ((lower | upper) - Vector256.Create((byte)4)).AsSByte().CopyTo(codes[(32 * run)..]);
        }
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<int> s = stackalloc int[16];
        Span<sbyte> codes = stackalloc sbyte[256];
        SuperBlockSearch<IntegerLevels> search = new(values, weights, new IntegerLevels(LeastCode, GreatestCode), -32, 31, s, m: default);
        search.Encode(codes);
        block.Clear();
        for (int group = 0; group < 16; group++)
        {
            int stored = s[group] + 32;
            block[96 + (group % 8)] |= (byte)((stored & 15) << (4 * (group / 8)));
            block[104 + (group % 4)] |= (byte)((stored >> 4) << (2 * (group / 4)));
        }

        Binary16.Write(block[108..], search.D);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block)
    {
        block[..96].Clear();
        for (int i = 0; i < 256; i++)
        {
            (int half, int run, int q) = (i / 128, i / 32, codes[i] - LeastCode);
            block[i % 32] |= (byte)((q >> 2) << run);
            block[32 + (32 * half) + (i % 32)] |= (byte)((q & 3) << (2 * (run % 4)));
        }
    }
}
