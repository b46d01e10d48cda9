using OpenAutoGlm.Models.Tokenizers.Normalization;

namespace OpenAutoGlm.Models.Tokenizers.Merging;

/// <summary>Turns one piece of normalised text into token ids. Implementations hold no state between calls.</summary>
/// <param name="vocabulary">The tokens that pieces become.</param>
/// <param name="unknownId">The token for text without one, if any.</param>
/// <param name="marksSpaces">
/// Whether the model writes U+2581 for a space, so that a space without a token falls back to that mark's bytes.
/// </param>
abstract class PieceEncoder(Vocabulary vocabulary, int? unknownId, bool marksSpaces)
{
    /// <summary>The tokens that pieces become.</summary>
    protected Vocabulary Vocabulary { get; } = vocabulary;

    /// <summary>The name of the algorithm, for descriptions.</summary>
    public abstract string Name { get; }

    /// <summary>Appends the ids of <paramref name="piece"/>, which is valid UTF-8.</summary>
    public abstract void Encode(ReadOnlySpan<byte> piece, List<int> ids);

    /// <summary>
    /// Appends the ids of text that is no token: its bytes where every one of them has a token, otherwise the unknown
    /// token, once for a run of such text.
    /// </summary>
    protected void EncodeUnknown(ReadOnlySpan<byte> text, List<int> ids, ref bool afterUnknown)
    {
        int start = ids.Count;
        foreach (byte value in text)
        {
            if (TryEncodeBytes(marksSpaces && value == ' ' ? SentencePieceNormalizer.SpaceMark : [value], ids))
            {
                continue;
            }

            ids.RemoveRange(start, ids.Count - start);
            if (!afterUnknown)
            {
                ids.Add(unknownId!.Value); // A vocabulary with neither is refused by RequireCoverage.
            }

            afterUnknown = true;
            return;
        }

        afterUnknown = false;
    }

    /// <summary>Checks that every text has an encoding: by bytes, or by the unknown token.</summary>
    /// <exception cref="ModelFormatException">There is neither.</exception>
    protected void RequireCoverage()
    {
        for (int value = 0; value < 256 && unknownId is null; value++)
        {
            bool occursInUtf8 = value is not (0xC0 or 0xC1 or > 0xF4);
            if (occursInUtf8 && Vocabulary.ByteToken((byte)value) < 0)
            {
                throw new ModelFormatException(
                    Vocabulary.File,
                    "tokens",
                    $"there is neither a token for the byte 0x{value:X2} nor an unknown token, so not every text can be encoded.");
            }
        }
    }

    bool TryEncodeBytes(ReadOnlySpan<byte> bytes, List<int> ids)
    {
        foreach (byte value in bytes)
        {
            int id = Vocabulary.ByteToken(value);
            if (id < 0)
            {
                return false;
            }

            ids.Add(id);
        }

        return true;
    }
}
