using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>The spelling of SentencePiece tokens: U+2581 for a space, &lt;0x0A&gt; for a byte.</summary>
static class SentencePieceText
{
    /// <summary>The bytes a token contributes to decoded text; null where a byte token is misspelled.</summary>
    public static byte[]? Bytes(string spelling, TokenKind kind) => kind switch
    {
        TokenKind.Byte => Vocabulary.TryParseByte(spelling, out byte value) ? [value] : null,
        TokenKind.Normal or TokenKind.UserDefined => Encoding.UTF8.GetBytes(spelling.Replace('▁', ' ')),
        _ => Encoding.UTF8.GetBytes(spelling),
    };
}
