using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>The Unicode classes that pre-tokenizer patterns speak of; a character may be of several.</summary>
[Flags]
enum CharacterKinds : ushort
{
    None = 0,

    /// <summary>\p{L}</summary>
    Letter = 1,

    /// <summary>\p{M}</summary>
    Mark = 2,

    /// <summary>\p{N}</summary>
    Number = 4,

    /// <summary>\p{P}</summary>
    Punctuation = 8,

    /// <summary>\p{S}</summary>
    Symbol = 16,

    /// <summary>\s, the property White_Space</summary>
    Space = 32,

    /// <summary>[\r\n]</summary>
    LineBreak = 64,

    /// <summary>[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], what may begin a word in camel case</summary>
    WordHead = 128,

    /// <summary>[\p{Ll}\p{Lm}\p{Lo}\p{M}], what may end one</summary>
    WordTail = 256,
}

/// <summary>Reads UTF-8 one character at a time with its kinds.</summary>
static class Characters
{
    static readonly CharacterKinds[] Basic = [.. Enumerable.Range(0, 0x10000).Select(KindsOf)];

    /// <summary>The kinds of the character at <paramref name="position"/> and where the next one starts.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="position">The first byte of a character; at the end of the text there is no kind.</param>
    /// <param name="next">The byte after the character.</param>
    public static CharacterKinds At(ReadOnlySpan<byte> text, int position, out int next)
    {
        if (position >= text.Length)
        {
            next = position;
            return CharacterKinds.None;
        }

        int lead = text[position];
        switch (lead)
        {
            case < 0x80:
                next = position + 1;
                return Basic[lead];
            case < 0xE0:
                next = position + 2;
                return Basic[((lead & 0x1F) << 6) | (text[position + 1] & 0x3F)];
            case < 0xF0:
                next = position + 3;
                return Basic[((lead & 0x0F) << 12) | ((text[position + 1] & 0x3F) << 6) | (text[position + 2] & 0x3F)];
            default:
                Rune.DecodeFromUtf8(text[position..], out Rune rune, out int consumed);
                next = position + consumed;
                return KindsOf(Rune.GetUnicodeCategory(rune), rune.Value);
        }
    }

    /// <summary>Where the run of characters of any of these kinds that starts at <paramref name="position"/> ends.</summary>
    public static int EndOfRun(ReadOnlySpan<byte> text, int position, CharacterKinds kinds, int limit = int.MaxValue)
    {
        while (limit-- > 0 && (At(text, position, out int next) & kinds) != 0)
        {
            position = next;
        }

        return position;
    }

    /// <summary>Where the run of characters of none of these kinds ends.</summary>
    public static int EndOfRunWithout(ReadOnlySpan<byte> text, int position, CharacterKinds kinds)
    {
        while (position < text.Length && (At(text, position, out int next) & kinds) == 0)
        {
            position = next;
        }

        return position;
    }

    static CharacterKinds KindsOf(int value) => KindsOf(CharUnicodeInfo.GetUnicodeCategory((char)value), value);

    static CharacterKinds KindsOf(UnicodeCategory category, int value)
    {
        CharacterKinds kinds = category switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter => CharacterKinds.Letter | CharacterKinds.WordHead,
            UnicodeCategory.LowercaseLetter => CharacterKinds.Letter | CharacterKinds.WordTail,
            UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter =>
                CharacterKinds.Letter | CharacterKinds.WordHead | CharacterKinds.WordTail,
            UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark =>
                CharacterKinds.Mark | CharacterKinds.WordHead | CharacterKinds.WordTail,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterKinds.Number,
            UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => CharacterKinds.Space,
            UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation
                or UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation
                or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation => CharacterKinds.Punctuation,
            UnicodeCategory.MathSymbol or UnicodeCategory.CurrencySymbol or UnicodeCategory.ModifierSymbol
                or UnicodeCategory.OtherSymbol => CharacterKinds.Symbol,
            _ => CharacterKinds.None,
        };
        return value switch
        {
            '\r' or '\n' => kinds | CharacterKinds.Space | CharacterKinds.LineBreak,
            (>= '\t' and <= '\f') or 0x85 => kinds | CharacterKinds.Space,
            _ => kinds,
        };
    }
}
