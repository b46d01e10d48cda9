using System.Text;

namespace OpenAutoGlm.Engine.Constraints.Automata;

/// <summary>Ranges of code points as sequences of byte ranges.</summary>
static class Utf8Ranges
{
    static readonly int[] LastOfLength = [0x7F, 0x7FF, 0xFFFF, 0x10FFFF];

    /// <summary>Sequences that together spell exactly the scalar values from low to high, which hold no surrogates.</summary>
    public static IEnumerable<(byte Low, byte High)[]> Of(int low, int high)
    {
        foreach (int last in LastOfLength)
        {
            if (low <= last && low <= high)
            {
                int end = Math.Min(high, last);
                foreach ((byte, byte)[] sequence in SameLength(low, end))
                {
                    yield return sequence;
                }

                low = end + 1;
            }
        }
    }

    /// <summary>
    /// Splits until all bytes but the leading equal ones run over their whole range; then each byte's range is independent
    /// of the others.
    /// </summary>
    static IEnumerable<(byte Low, byte High)[]> SameLength(int low, int high)
    {
        for (int bits = 6; bits <= 18; bits += 6)
        {
            int block = (1 << bits) - 1;
            if ((low & ~block) == (high & ~block))
            {
                break;
            }

            if ((low & block) != 0)
            {
                return [.. SameLength(low, low | block), .. SameLength((low | block) + 1, high)];
            }

            if ((high & block) != block)
            {
                return [.. SameLength(low, (high & ~block) - 1), .. SameLength(high & ~block, high)];
            }
        }

        Span<byte> first = stackalloc byte[4];
        Span<byte> last = stackalloc byte[4];
        int length = new Rune(low).EncodeToUtf8(first);
        new Rune(high).EncodeToUtf8(last);
        (byte, byte)[] sequence = new (byte, byte)[length];
        for (int i = 0; i < length; i++)
        {
            sequence[i] = (first[i], last[i]);
        }

        return [sequence];
    }
}
