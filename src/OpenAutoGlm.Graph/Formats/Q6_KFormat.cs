using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// 256 elements in 210 bytes (6.5625 bits each), with a signed 8-bit scale for every 16: x = d · s · (q − 32).
/// <code>
///   0  128 bytes, 64 for each half: bits 0 … 3. Of the half's four runs of 32 elements, runs 0 and 1 are the lower
///      nibbles of its first and last 32 bytes, runs 2 and 3 the upper
/// 128  64 bytes, 32 for each half: bits 4 and 5. Run r of the half has bits 2r and 2r + 1
/// 192  16 signed bytes: s
/// 208  d, F16
/// </code>
/// </summary>
sealed class Q6_KFormat : QuantizedFormat
{
    public override TensorFormat Format => TensorFormat.Q6_K;
    public override int BlockElements => 256;
    public override int BlockBytes => 210;
    public override bool CanQuantize => true;
    public override int GroupElements => 16;
    public override bool HasMinimum => false;
    public override sbyte LeastCode => -32;
    public override sbyte GreatestCode => 31;

    private protected override void UnpackBlock(ReadOnlySpan<byte> block, Span<sbyte> codes, Span<float> scales, Span<float> minimums)
    {
        float d = Binary16.Read(block[208..]);
        for (int group = 0; group < 16; group++)
        {
            scales[group] = d * (sbyte)block[192 + group];
        }

        for (int run = 0; run < 8; run++)
        {
            int half = run / 4;
            Vector256<byte> bytes = Vector256.Create(block.Slice((64 * half) + (32 * (run % 2)), 32));
            Vector256<byte> lower = Packed.Bits(bytes, 4 * (run % 4 / 2), 4);
            Vector256<byte> upper = Packed.Bits(Vector256.Create(block.Slice(128 + (32 * half), 32)), 2 * (run % 4), 2);
            ((lower | Vector256.ShiftLeft(upper, 4)) - Vector256.Create((byte)32)).AsSByte().CopyTo(codes[(32 * run)..]);
        }
    }

    private protected override void PackBlock(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<int> s = stackalloc int[16];
        Span<sbyte> codes = stackalloc sbyte[256];
        SuperBlockSearch<IntegerLevels> search = new(
            values, weights, new IntegerLevels(LeastCode, GreatestCode), sbyte.MinValue, sbyte.MaxValue, s, m: default);
        search.Encode(codes);
        for (int group = 0; group < 16; group++)
        {
            block[192 + group] = (byte)s[group];
        }

        Binary16.Write(block[208..], search.D);
        WriteCodes(codes, block);
    }

    private protected override void WriteCodes(ReadOnlySpan<sbyte> codes, Span<byte> block)
    {
        block[..192].Clear();
        for (int i = 0; i < 256; i++)
        {
            (int half, int run, int q) = (i / 128, i / 32 % 4, codes[i] - LeastCode);
            block[(64 * half) + (32 * (run % 2)) + (i % 32)] |= (byte)((q & 15) << (4 * (run / 2)));
            block[128 + (32 * half) + (i % 32)] |= (byte)((q >> 4) << (2 * run));
        }
    }
}
