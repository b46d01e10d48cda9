namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>Cuts out runs of one class of characters, of a bounded length: <c>[class]{1,limit}</c>.</summary>
/// <param name="name">What the class is called.</param>
/// <param name="belongs">The class, by kinds and by the character's bytes.</param>
/// <param name="limit">How many characters one piece may have.</param>
/// <param name="exact">Whether only runs of exactly <paramref name="limit"/> characters are cut out.</param>
sealed class RunPreTokenizer(string name, RunPreTokenizer.CharacterClass belongs, int limit = int.MaxValue, bool exact = false) : PreTokenizer
{
    /// <summary>Whether a character belongs to the class.</summary>
    internal delegate bool CharacterClass(CharacterKinds kinds, ReadOnlySpan<byte> character);

    public override string Signature => $"{name} {limit} {exact}";

    /// <summary><c>\p{N}{1,limit}</c></summary>
    public static RunPreTokenizer Numbers(int limit) => new("numbers", static (kinds, _) => (kinds & CharacterKinds.Number) != 0, limit);

    /// <summary><c>[0-9][0-9][0-9]</c></summary>
    public static RunPreTokenizer ThreeDigits() => new("digits", static (_, character) => character[0] is >= (byte)'0' and <= (byte)'9', 3, exact: true);

    /// <summary><c>[\p{P}\$\+&lt;=&gt;\^~\|]+</c></summary>
    public static RunPreTokenizer Punctuation() => new(
        "punctuation",
        static (kinds, character) => (kinds & CharacterKinds.Punctuation) != 0 || "$+<=>^~|"u8.Contains(character[0]));

    /// <summary><c>[一-龥぀-ゟ゠-ヿ]+</c>, Han and kana</summary>
    public static RunPreTokenizer HanAndKana() => new(
        "han and kana",
        static (_, character) => character.Length == 3
            && (character.SequenceCompareTo("一"u8) >= 0 && character.SequenceCompareTo("龥"u8) <= 0
                || character.SequenceCompareTo("\u3040"u8) >= 0 && character.SequenceCompareTo("ヿ"u8) <= 0));

    protected override int Match(ReadOnlySpan<byte> text, int start)
    {
        int end = start, count = 0;
        while (count < limit && end < text.Length && belongs(Characters.At(text, end, out int next), text[end..next]))
        {
            end = next;
            count++;
        }

        return exact && count < limit ? start : end;
    }
}
