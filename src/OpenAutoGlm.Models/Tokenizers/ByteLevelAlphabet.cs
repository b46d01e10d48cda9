using System.Text;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>
/// The printable spelling of bytes that byte-level vocabularies are written in: printable Latin-1 bytes stand for
/// themselves, the other 68 for U+0100 and up in order (so a space is Ġ). Source: GPT-2, encoder.py.
/// </summary>
static class ByteLevelAlphabet
{
    static readonly short[] ByteOfCharacter = Invert();

    /// <summary>The bytes a token's spelling stands for; null where it has a character outside the alphabet.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> spelling)
    {
        byte[] bytes = new byte[spelling.Length];
        for (int i = 0; i < spelling.Length; i++)
        {
            int value = spelling[i] < ByteOfCharacter.Length ? ByteOfCharacter[spelling[i]] : -1;
            if (value < 0)
            {
                return null;
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    /// <summary>The character that stands for a byte.</summary>
    public static char Encode(byte value) => (char)Array.IndexOf(ByteOfCharacter, value);

    /// <summary>The bytes a token's spelling stands for, or its UTF-8 where it is not spelled in the alphabet.</summary>
    /// <remarks>Added tokens are listed among the others as plain text, and may hold any character.</remarks>
    public static byte[] DecodeOrUtf8(string spelling) => Decode(spelling) ?? Encoding.UTF8.GetBytes(spelling);

    static bool IsPrintable(int value) => value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ');

    static short[] Invert()
    {
        short[] bytes = new short[256 + 68];
        Array.Fill(bytes, (short)-1);
        int next = 256;
        for (short value = 0; value < 256; value++)
        {
            bytes[IsPrintable(value) ? value : next++] = value;
        }

        return bytes;
    }
}
