namespace OpenAutoGlm.Models.Tokenizers.Normalization;

/// <summary>Rewrites text before it is cut into pieces.</summary>
abstract class TextNormalizer
{
    /// <summary>A word for descriptions.</summary>
    public abstract string Name { get; }

    /// <summary>Writes the normalised text, valid UTF-8 again.</summary>
    /// <param name="text">Valid UTF-8 between two added tokens, not empty.</param>
    /// <param name="isFirst">Whether no added token stands before it.</param>
    /// <param name="output">Where the text goes.</param>
    public abstract void Normalize(ReadOnlySpan<byte> text, bool isFirst, ByteBuffer output);
}
