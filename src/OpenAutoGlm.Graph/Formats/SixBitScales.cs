namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// The first sixteen bytes of a Q4_K or Q5_K block: d and dmin as F16, then twelve bytes in which eight 6-bit scales s
/// and eight 6-bit minimums m are folded. Groups 0 … 3 have s in bits 0 … 5 of bytes 0 … 3 and m in those of bytes
/// 4 … 7. Groups 4 … 7 have their lower four bits in the nibbles of bytes 8 … 11 (s below, m above) and their upper two
/// in the bits left over in bytes 0 … 3 (s) and 4 … 7 (m).
/// </summary>
static class SixBitScales
{
    /// <summary>The greatest s and m.</summary>
    public const int Greatest = 63;

    const int Bytes = 16;

    /// <summary>scales = d · s, minimums = −(dmin · m), eight of each.</summary>
    public static void Read(ReadOnlySpan<byte> block, Span<float> scales, Span<float> minimums)
    {
        float d = Binary16.Read(block);
        float dmin = Binary16.Read(block[2..]);
        ReadOnlySpan<byte> folded = block[4..Bytes];
        for (int i = 0; i < 4; i++)
        {
            scales[i] = d * (folded[i] & 63);
            minimums[i] = -(dmin * (folded[i + 4] & 63));
            scales[i + 4] = d * ((folded[i + 8] & 15) | ((folded[i] >> 6) << 4));
            minimums[i + 4] = -(dmin * ((folded[i + 8] >> 4) | ((folded[i + 4] >> 6) << 4)));
        }
    }

    /// <summary>Folds eight s and eight m, each 0 … 63, behind d and dmin.</summary>
    public static void Write(float d, float dmin, ReadOnlySpan<int> s, ReadOnlySpan<int> m, Span<byte> block)
    {
        Binary16.Write(block, d);
        Binary16.Write(block[2..], dmin);
        Span<byte> folded = block[4..Bytes];
        for (int i = 0; i < 4; i++)
        {
            folded[i] = (byte)(s[i] | ((s[i + 4] >> 4) << 6));
            folded[i + 4] = (byte)(m[i] | ((m[i + 4] >> 4) << 6));
            folded[i + 8] = (byte)((s[i + 4] & 15) | ((m[i + 4] & 15) << 4));
        }
    }
}
