namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>
/// The rule that cl100k, Llama-3, GLM-4 and Qwen share:
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>,
/// D being 3, or 1 for Qwen. Qwen3.5 counts \p{M} among the letters. Contractions fold ASCII case only.
/// </summary>
/// <param name="maxDigits">D, how many digits make one piece.</param>
/// <param name="marksAreLetters">Whether combining marks count as letters.</param>
sealed class Cl100kPreTokenizer(int maxDigits, bool marksAreLetters = false) : PreTokenizer
{
    public override string Signature => $"cl100k {maxDigits} {marksAreLetters}";

    readonly CharacterKinds _letters = CharacterKinds.Letter | (marksAreLetters ? CharacterKinds.Mark : CharacterKinds.None);

    protected override int Match(ReadOnlySpan<byte> text, int start)
    {
        if (MatchContraction(text, start, anyCase: true) is int end && end > start)
        {
            return end;
        }

        CharacterKinds kinds = Characters.At(text, start, out int next);
        if ((kinds & _letters) != 0)
        {
            return Characters.EndOfRun(text, next, _letters);
        }

        if ((kinds & CharacterKinds.Number) != 0)
        {
            return Characters.EndOfRun(text, start, CharacterKinds.Number, maxDigits);
        }

        CharacterKinds nextKinds = Characters.At(text, next, out int afterNext);
        if ((nextKinds & _letters) != 0 && (kinds & CharacterKinds.LineBreak) == 0)
        {
            return Characters.EndOfRun(text, afterNext, _letters);
        }

        CharacterKinds notSigns = CharacterKinds.Space | _letters | CharacterKinds.Number;
        int body = text[start] == ' ' && next < text.Length && (nextKinds & notSigns) == 0 ? next : start;
        if (body == start && (kinds & CharacterKinds.Space) != 0)
        {
            return MatchSpaces(text, start, breaksFirst: true);
        }

        return Characters.EndOfRun(text, Characters.EndOfRunWithout(text, body, notSigns), CharacterKinds.LineBreak);
    }
}
