namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>
/// Cuts text into the pieces that merging never crosses. Every rule is a scanner that reads each character a bounded
/// number of times, so hostile text costs no more than other text.
/// </summary>
abstract class PreTokenizer
{
    /// <summary>What the rule is, parameters included: two rules of one signature cut alike.</summary>
    public abstract string Signature { get; }

    /// <summary>Where the piece that begins at <paramref name="start"/> ends: the next match, or the text before it.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="start">The first byte of a character, less than the length of the text.</param>
    public int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        int end = Match(text, start);
        if (end > start)
        {
            return end;
        }

        do
        {
            Characters.At(text, start, out start);
        }
        while (start < text.Length && Match(text, start) == start);
        return start;
    }

    /// <summary>Where the match that begins at <paramref name="start"/> ends; <paramref name="start"/> where none begins.</summary>
    protected abstract int Match(ReadOnlySpan<byte> text, int start);

    /// <summary>
    /// The three alternatives for white space that most patterns share, "\s+(?!\S)|\s+" and, with
    /// <paramref name="breaksFirst"/>, "\s*[\r\n]+" before them: up to the last line break of the run, else all of the
    /// run but the last character, which belongs to the word behind it, else that one.
    /// </summary>
    protected static int MatchSpaces(ReadOnlySpan<byte> text, int start, bool breaksFirst)
    {
        int afterBreak = -1, lastSpace = start, position = start;
        while (Characters.At(text, position, out int next) is CharacterKinds kinds && (kinds & CharacterKinds.Space) != 0)
        {
            lastSpace = position;
            position = next;
            afterBreak = (kinds & CharacterKinds.LineBreak) != 0 ? next : afterBreak;
        }

        if (breaksFirst && afterBreak > 0)
        {
            return afterBreak;
        }

        return position == text.Length || lastSpace == start ? position : lastSpace;
    }

    /// <summary>Where an English contraction ('s 't 're 've 'm 'll 'd) that begins at <paramref name="start"/> ends, or start.</summary>
    protected static int MatchContraction(ReadOnlySpan<byte> text, int start, bool anyCase)
    {
        if (start + 1 >= text.Length || text[start] != '\'')
        {
            return start;
        }

        int fold = anyCase ? 0x20 : 0; // Only letters are compared, so folding cannot make others equal.
        int first = text[start + 1] | fold;
        int second = start + 2 < text.Length ? text[start + 2] | fold : 0;
        return (first, second) switch
        {
            ('s' or 't' or 'm' or 'd', _) => start + 2,
            ('r' or 'v', 'e') or ('l', 'l') => start + 3,
            _ => start,
        };
    }
}
