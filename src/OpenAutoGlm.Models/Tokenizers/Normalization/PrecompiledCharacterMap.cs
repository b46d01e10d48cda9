using System.Buffers.Binary;
using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.Normalization;

/// <summary>
/// The character map a SentencePiece model carries (its precompiled_charsmap): the longest prefix of the text that is
/// in the map is replaced. Layout: the byte length of a double-array trie, the trie in 32-bit units, the replacements
/// as text that ends with a zero. Source: SentencePiece, normalizer.cc; Darts-clone for the units.
/// </summary>
sealed class PrecompiledCharacterMap
{
    readonly uint[] _units;
    readonly byte[] _replacements;

    /// <exception cref="ModelFormatException">The trie is longer than the map, or not made of whole units.</exception>
    public PrecompiledCharacterMap(string file, string field, ReadOnlySpan<byte> map)
    {
        uint trieBytes = map.Length >= sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(map) : uint.MaxValue;
        if (trieBytes > map.Length - sizeof(uint) || trieBytes % sizeof(uint) != 0 || trieBytes == 0)
        {
            throw new ModelFormatException(file, field, $"the map has {map.Length} bytes, but its trie claims {trieBytes}.");
        }

        _units = new uint[trieBytes / sizeof(uint)];
        for (int i = 0; i < _units.Length; i++)
        {
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[((i + 1) * sizeof(uint))..]);
        }

        _replacements = map[(sizeof(uint) + (int)trieBytes)..].ToArray();
    }

    /// <summary>Writes what the first characters of <paramref name="text"/> become; how many bytes of it that took.</summary>
    public int Replace(ReadOnlySpan<byte> text, ByteBuffer output)
    {
        int replacement = FindLongest(text, out int length);
        if (replacement < 0)
        {
            Rune.DecodeFromUtf8(text, out _, out length);
            output.Append(text[..length]);
            return length;
        }

        ReadOnlySpan<byte> rest = _replacements.AsSpan(Math.Min(replacement, _replacements.Length));
        int end = rest.IndexOf((byte)0);
        AppendValid(end < 0 ? rest : rest[..end], output);
        return length;
    }

    /// <summary>The map is not trusted to hold valid UTF-8, and everything behind it relies on that.</summary>
    static void AppendValid(ReadOnlySpan<byte> text, ByteBuffer output)
    {
        if (System.Text.Unicode.Utf8.IsValid(text))
        {
            output.Append(text);
        }
        else
        {
            output.Append("\uFFFD"u8);
        }
    }

    int FindLongest(ReadOnlySpan<byte> text, out int length)
    {
        (int found, length) = (-1, 0);
        uint node = Offset(_units[0]);
        for (int i = 0; i < text.Length; i++)
        {
            node ^= text[i];
            if (node >= _units.Length || (_units[node] & 0x800000FF) != text[i])
            {
                break;
            }

            uint unit = _units[node];
            node ^= Offset(unit);
            bool endsHere = ((unit >> 8) & 1) != 0 && node < _units.Length;
            int next = i + 1;
            if (endsHere && (next == text.Length || (text[next] & 0xC0) != 0x80))
            {
                (found, length) = ((int)(_units[node] & 0x7FFFFFFF), next);
            }
        }

        return found;
    }

    static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1 << 9)) >> 6);
}
