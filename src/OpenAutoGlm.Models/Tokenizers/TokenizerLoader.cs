using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>Finds and reads a model's tokenizer in whatever form it was published.</summary>
public static class TokenizerLoader
{
    internal static Tokenizer FromGguf(GgufVocabulary vocabulary) => GgufTokenizer.Load(vocabulary);
}
