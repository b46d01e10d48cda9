namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>
/// The last of DeepSeek-V3's three rules:
/// <c>[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.
/// </summary>
sealed class DeepSeekPreTokenizer : PreTokenizer
{
    public override string Signature => "deepseek";

    const CharacterKinds Word = CharacterKinds.Letter | CharacterKinds.Mark;
    const CharacterKinds Signs = CharacterKinds.Punctuation | CharacterKinds.Symbol;

    protected override int Match(ReadOnlySpan<byte> text, int start)
    {
        CharacterKinds kinds = Characters.At(text, start, out int next);
        if (text[start] < 0x80 && (kinds & Signs) != 0 && next < text.Length && char.IsAsciiLetter((char)text[next]))
        {
            while (next < text.Length && char.IsAsciiLetter((char)text[next]))
            {
                next++;
            }

            return next;
        }

        bool mayPrefix = (kinds & (CharacterKinds.LineBreak | CharacterKinds.Letter | Signs)) == 0;
        int afterPrefix = mayPrefix && (Characters.At(text, next, out _) & Word) != 0 ? next : start;
        int end = Characters.EndOfRun(text, afterPrefix, Word);
        if (end > afterPrefix)
        {
            return end;
        }

        int body = text[start] == ' ' && (Characters.At(text, next, out _) & Signs) != 0 ? next : start;
        end = Characters.EndOfRun(text, body, Signs);
        if (end > body)
        {
            return Characters.EndOfRun(text, end, CharacterKinds.LineBreak);
        }

        return (kinds & CharacterKinds.Space) != 0 ? MatchSpaces(text, start, breaksFirst: true) : start;
    }
}
