using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 256 elements in 84 bytes (2.625 bits each), with a 4-bit scale and minimum for every 16: x = d · s · q − dmin · m.
/// <code>
///   0  16 bytes, one for each group: s in the lower nibble, m in the upper
///  16  64 bytes, 32 for each half: q. Run r of the half's four runs of 32 elements has bits 2r and 2r + 1
///  80  d, F16
///  82  dmin, F16
/// </code>
/// </summary>
sealed class Q2_KFormat : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q2_K;
    public override int BlockElements => 256;
    public override int BlockBytes => 84;
    public override bool CanQuantize => true;
    public override int GroupElements => 16;
    public override bool HasMinimum => true;
    public override sbyte LeastCode => 0;
    public override sbyte GreatestCode => 3;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        float d = Binary16.Read(block[80..]);
        float dmin = Binary16.Read(block[82..]);
        for (int group = 0; group < 16; group++)
        {
            scales[group] = d * (block[group] & 15);
            minimums[group] = -(dmin * (block[group] >> 4));
        }

        for (int run = 0; run < 8; run++)
        {
            Vector256<byte> bytes = Vector256.Create(block.Slice(16 + (32 * (run / 4)), 32));
            Packed.Bits(bytes, 2 * (run % 4), 2).AsSByte().CopyTo(codes[(32 * run)..]);
        }
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<int> s = stackalloc int[16];
        Span<int> m = stackalloc int[16];
        Span<sbyte> codes = stackalloc sbyte[256];
        SuperBlockSearch<IntegerLevels> search = new(values, weights, new IntegerLevels(LeastCode, GreatestCode), 0, 15, s, m);
        search.Encode(codes);
        for (int group = 0; group < 16; group++)
        {
            block[group] = (byte)(s[group] | (m[group] << 4));
        }

        Binary16.Write(block[80..], search.D);
        Binary16.Write(block[82..], search.Dmin);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block)
    {
        block[16..80].Clear();
        for (int i = 0; i < 256; i++)
        {
            (int half, int run) = (i / 128, i / 32 % 4);
            block[16 + (32 * half) + (i % 32)] |= (byte)(codes[i] << (2 * run));
        }
    }
}
