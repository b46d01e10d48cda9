using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>
/// The tokens of a model: for each id its bytes in decoded text, its kind and its score. Text is found again by
/// <see cref="Find"/>, which sees only tokens that plain text may become. Immutable.
/// </summary>
sealed class Vocabulary
{
    readonly byte[] _bytes;
    readonly int[] _offsets;
    readonly TokenKind[] _kinds;
    readonly float[] _scores;
    readonly ByteStringIndex _pieces;
    readonly int[] _byteTokens = new int[256];
    readonly Dictionary<string, int> _marks = new(StringComparer.Ordinal);

    internal Vocabulary(string file, byte[] bytes, int[] offsets, TokenKind[] kinds, float[] scores)
    {
        (File, _bytes, _offsets, _kinds, _scores) = (file, bytes, offsets, kinds, scores);
        _pieces = new ByteStringIndex(bytes, offsets);
        Array.Fill(_byteTokens, -1);
        for (int id = 0; id < kinds.Length; id++)
        {
            Index(id);
        }

        // In a byte-level vocabulary the single bytes are ordinary tokens.
        for (int value = 0; value < 256; value++)
        {
            _byteTokens[value] = _byteTokens[value] >= 0 ? _byteTokens[value] : _pieces.Find([(byte)value]);
        }
    }

    /// <summary>The file the tokens came from, for error messages.</summary>
    public string File { get; }

    /// <summary>How many ids there are, holes included.</summary>
    public int Count => _kinds.Length;

    /// <summary>The length of the longest token that text may become.</summary>
    public int MaxPieceBytes { get; private set; }

    /// <summary>The bytes a token contributes to decoded text.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => _bytes.AsSpan(_offsets[id].._offsets[id + 1]);

    public TokenKind Kind(int id) => _kinds[id];

    public float Score(int id) => _scores[id];

    /// <summary>The token for exactly this text, or −1; never a control token.</summary>
    public int Find(ReadOnlySpan<byte> text) => text.Length <= MaxPieceBytes ? _pieces.Find(text) : -1;

    /// <summary>The token for one byte, or −1.</summary>
    public int ByteToken(byte value) => _byteTokens[value];

    /// <summary>Any token by its text: a control token first, then text, then the byte form &lt;0x0A&gt;.</summary>
    public int FindAny(string text)
    {
        if (_marks.TryGetValue(text, out int id))
        {
            return id;
        }

        id = Find(Encoding.UTF8.GetBytes(text));
        return id >= 0 || !TryParseByte(text, out byte value) ? id : _byteTokens[value];
    }

    /// <summary>Reads SentencePiece's spelling of a byte, &lt;0x0A&gt;.</summary>
    public static bool TryParseByte(string text, out byte value)
    {
        value = 0;
        return text.Length == 6 && text.StartsWith("<0x", StringComparison.Ordinal) && text[5] == '>'
            && byte.TryParse(text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    void Index(int id)
    {
        switch (_kinds[id])
        {
            case TokenKind.Byte:
                int value = Bytes(id)[0];
                if (_byteTokens[value] >= 0)
                {
                    throw new ModelFormatException(File, $"token {id}", $"the byte 0x{value:X2} is token {_byteTokens[value]} already.");
                }

                _byteTokens[value] = id;
                break;
            case TokenKind.Control or TokenKind.Unknown when Bytes(id).Length > 0:
                string text = Encoding.UTF8.GetString(Bytes(id));
                if (!_marks.TryAdd(text, id))
                {
                    throw Duplicate(id, _marks[text]);
                }

                break;
            case TokenKind.Normal or TokenKind.UserDefined when Bytes(id).Length > 0:
                if (_pieces.Add(id) is >= 0 and int other)
                {
                    throw Duplicate(id, other);
                }

                MaxPieceBytes = Math.Max(MaxPieceBytes, Bytes(id).Length);
                break;
        }
    }

    ModelFormatException Duplicate(int id, int other) =>
        new(File, $"token {id}", $"\"{Encoding.UTF8.GetString(Bytes(id))}\" is token {other} already; every token must be there once.");
}
