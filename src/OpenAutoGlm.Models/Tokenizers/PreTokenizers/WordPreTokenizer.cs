namespace OpenAutoGlm.Models.Tokenizers.PreTokenizers;

/// <summary>Cuts before every space (Hugging Face's Metaspace with split): <c> ?[^ ]*</c>.</summary>
sealed class WordPreTokenizer : PreTokenizer
{
    public override string Signature => "words";

    protected override int Match(ReadOnlySpan<byte> text, int start)
    {
        int length = text[(start + 1)..].IndexOf((byte)' ');
        return length < 0 ? text.Length : start + 1 + length;
    }
}
