namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>
/// The rule of o200k (GPT-4o, Llama-4) and, without contractions and with single digits, of Tekken (Mistral-Nemo):
/// <c>[^\r\n\p{L}\p{N}]?U*T+C?|[^\r\n\p{L}\p{N}]?U+T*C?|\p{N}{1,D}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>
/// with U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], T = [\p{Ll}\p{Lm}\p{Lo}\p{M}], C = (?i:'s|'t|'re|'ve|'m|'ll|'d).
/// </summary>
/// <param name="maxDigits">D, how many digits make one piece.</param>
/// <param name="contractions">Whether a word takes the contraction behind it along.</param>
sealed class CamelCasePreTokenizer(int maxDigits, bool contractions) : PreTokenizer
{
    const CharacterKinds Alphanumeric = CharacterKinds.Letter | CharacterKinds.Number;

    public override string Signature => $"camel case {maxDigits} {contractions}";

    protected override int Match(ReadOnlySpan<byte> text, int start)
    {
        CharacterKinds kinds = Characters.At(text, start, out int next);
        int afterPrefix = (kinds & (Alphanumeric | CharacterKinds.LineBreak)) == 0 ? next : start;

        int end = MatchWord(text, start, afterPrefix);
        if (end > start)
        {
            return contractions ? MatchContraction(text, end, anyCase: true) : end;
        }

        if ((kinds & CharacterKinds.Number) != 0)
        {
            return Characters.EndOfRun(text, start, CharacterKinds.Number, maxDigits);
        }

        int body = text[start] == ' ' && next < text.Length && (Characters.At(text, next, out _) & (CharacterKinds.Space | Alphanumeric)) == 0 ? next : start;
        if (body == start && (kinds & CharacterKinds.Space) != 0)
        {
            return MatchSpaces(text, start, breaksFirst: true);
        }

        end = Characters.EndOfRunWithout(text, body, CharacterKinds.Space | Alphanumeric);
        while (end < text.Length && text[end] is (byte)'\r' or (byte)'\n' or (byte)'/')
        {
            end++;
        }

        return end;
    }

    /// <summary>Both alternatives try with the optional prefix first, the first alternative before the second.</summary>
    static int MatchWord(ReadOnlySpan<byte> text, int start, int afterPrefix)
    {
        int end = EndWithTail(text, afterPrefix);
        if (end == afterPrefix && afterPrefix > start && EndWithTail(text, start) is int unprefixed && unprefixed > start)
        {
            return unprefixed;
        }

        end = end == afterPrefix ? Characters.EndOfRun(text, afterPrefix, CharacterKinds.WordHead) : end;
        return end == afterPrefix ? start : end;
    }

    /// <summary>
    /// Where U*T+ from <paramref name="start"/> ends. U and T share \p{Lm}\p{Lo}\p{M}: where no small letter follows
    /// the run of U, T+ can only be the last such character in it, which is what backtracking would find.
    /// </summary>
    static int EndWithTail(ReadOnlySpan<byte> text, int start)
    {
        int position = start, afterShared = start;
        while (Characters.At(text, position, out int next) is CharacterKinds kinds && (kinds & CharacterKinds.WordHead) != 0)
        {
            position = next;
            afterShared = (kinds & CharacterKinds.WordTail) != 0 ? next : afterShared;
        }

        int end = Characters.EndOfRun(text, position, CharacterKinds.WordTail);
        return end > position ? end : afterShared;
    }
}
