namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>
/// GPT-2's rule: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// Source: GPT-2, encoder.py.
/// </summary>
sealed class Gpt2PreTokenizer : PreTokenizer
{
    public override string Signature => "gpt-2";

    protected override int Match(ReadOnlySpan<byte> text, int start)
    {
        if (MatchContraction(text, start, anyCase: false) is int end && end > start)
        {
            return end;
        }

        int word = text[start] == ' ' ? start + 1 : start;
        CharacterKinds kinds = Characters.At(text, word, out int next);
        if (word == text.Length || (kinds & CharacterKinds.Space) != 0)
        {
            return MatchSpaces(text, start, breaksFirst: false);
        }

        return (kinds & (CharacterKinds.Letter | CharacterKinds.Number)) switch
        {
            CharacterKinds.Letter => Characters.EndOfRun(text, next, CharacterKinds.Letter),
            CharacterKinds.Number => Characters.EndOfRun(text, next, CharacterKinds.Number),
            _ => Characters.EndOfRunWithout(text, next, CharacterKinds.Space | CharacterKinds.Letter | CharacterKinds.Number),
        };
    }
}
