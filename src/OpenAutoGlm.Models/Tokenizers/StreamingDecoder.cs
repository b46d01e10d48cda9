using System.Text;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>
/// Text from ids that come one at a time: what is pushed and flushed, joined, is what
/// <see cref="Tokenizer.Decode"/> gives for all of them. Not for several threads at once.
/// </summary>
public sealed class StreamingDecoder
{
    readonly Tokenizer _tokenizer;
    readonly bool _skipSpecials;
    readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    bool _stripSpace;

    internal StreamingDecoder(Tokenizer tokenizer, bool skipSpecials, bool stripSpace) =>
        (_tokenizer, _skipSpecials, _stripSpace) = (tokenizer, skipSpecials, stripSpace);

    /// <summary>Takes the next id; the text that is certain now, "" while a character is incomplete.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public string Push(int id)
    {
        ReadOnlySpan<byte> bytes = _tokenizer.TokenBytes(id);
        if (bytes.IsEmpty || (_skipSpecials && _tokenizer.IsSpecial(id)))
        {
            return "";
        }

        bytes = _stripSpace && bytes[0] == ' ' ? bytes[1..] : bytes;
        _stripSpace = false;
        return Decode(bytes, flush: false);
    }

    /// <summary>Ends the text: an incomplete character that still waits becomes U+FFFD.</summary>
    public string Flush() => Decode([], flush: true);

    string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        // At most one character waits from before, so every byte gives at most one unit and the rest two more.
        Span<char> characters = bytes.Length < 256 ? stackalloc char[256 + 2] : new char[bytes.Length + 2];
        int count = _utf8.GetChars(bytes, characters, flush);
        return characters[..count].ToString();
    }
}
