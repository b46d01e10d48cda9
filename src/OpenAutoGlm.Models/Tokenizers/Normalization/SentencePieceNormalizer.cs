namespace OpenAutoGlm.Models.Tokenizers.Normalization;

/// <summary>When a space is put before text, so that a word is the same token at the start as in the middle.</summary>
enum SpacePrefix
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Always (SentencePiece's add_dummy_prefix).</summary>
    Always,

    /// <summary>Unless there is one already (Hugging Face's Metaspace and add_prefix_space).</summary>
    UnlessThere,
}

/// <summary>
/// SentencePiece's rules, in this order: the model's own character map, one space for a run of spaces and none at the
/// ends, a space before the text. Spaces stay spaces here: the vocabulary is kept with spaces where the file has the
/// mark U+2581, and that mark in text counts as a space too. Source: SentencePiece, normalizer.cc.
/// </summary>
sealed class SentencePieceNormalizer(SpacePrefix prefix, bool prefixFirstOnly, bool collapseSpaces, PrecompiledCharacterMap? map) : TextNormalizer
{
    /// <summary>The mark that SentencePiece writes for a space, U+2581 in UTF-8.</summary>
    public static ReadOnlySpan<byte> SpaceMark => "▁"u8;

    /// <summary>When a space is put before text.</summary>
    public SpacePrefix Prefix => prefix;

    /// <summary>Whether a run of spaces becomes one.</summary>
    public bool CollapsesSpaces => collapseSpaces;

    /// <summary>Whether the model has a character map of its own.</summary>
    public bool HasMap => map is not null;

    public override string Name => (map is null ? "" : "character map, ") + (collapseSpaces ? "collapsed spaces" : "spaces kept");

    public override void Normalize(ReadOnlySpan<byte> text, bool isFirst, ByteBuffer output)
    {
        int start = output.Length;
        bool startsWithSpace = text[0] == ' ' || text.StartsWith(SpaceMark);
        bool addPrefix = (isFirst || !prefixFirstOnly) && (prefix == SpacePrefix.Always || (prefix == SpacePrefix.UnlessThere && !startsWithSpace));
        if (addPrefix)
        {
            output.Append(" "u8);
        }

        int prefixed = output.Length;
        for (int position = 0; position < text.Length;)
        {
            position += map is null ? CopyUnmapped(text[position..], output) : map.Replace(text[position..], output);
        }

        if (map is not null || collapseSpaces)
        {
            Respace(start, prefixed, output);
        }
    }

    /// <summary>Copies up to the next space mark, or replaces the one that stands here.</summary>
    static int CopyUnmapped(ReadOnlySpan<byte> text, ByteBuffer output)
    {
        if (text.StartsWith(SpaceMark))
        {
            output.Append(" "u8);
            return SpaceMark.Length;
        }

        int length = text.IndexOf(SpaceMark) is int found && found >= 0 ? found : text.Length;
        output.Append(text[..length]);
        return length;
    }

    /// <summary>Turns marks into spaces and collapses runs, in place: the text only gets shorter.</summary>
    void Respace(int start, int prefixed, ByteBuffer output)
    {
        Span<byte> text = output.Written[prefixed..];
        int written = 0;
        bool lastWasSpace = true; // so that leading spaces go
        for (int position = 0; position < text.Length;)
        {
            bool isMark = text[position..].StartsWith(SpaceMark);
            bool isSpace = isMark || text[position] == ' ';
            if (!isSpace || !collapseSpaces || !lastWasSpace)
            {
                text[written++] = isSpace ? (byte)' ' : text[position];
            }

            lastWasSpace = isSpace;
            position += isMark ? SpaceMark.Length : 1;
        }

        written -= collapseSpaces && written > 0 && text[written - 1] == ' ' ? 1 : 0;
        output.Truncate(written > 0 ? prefixed + written : start); // Nothing but spaces is nothing at all.
    }
}
