namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>What a token stands for; the numbers are those of SentencePiece and of GGUF's token_type.</summary>
enum TokenKind : byte
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>Whatever the vocabulary has no token for.</summary>
    Unknown = 2,

    /// <summary>A mark for the model that is no text: matched only on request, left out of decoded text.</summary>
    Control = 3,

    /// <summary>Text that is always one token, whatever surrounds it.</summary>
    UserDefined = 4,

    /// <summary>A hole in the vocabulary.</summary>
    Unused = 5,

    /// <summary>One byte, for text that has no other token.</summary>
    Byte = 6,
}
