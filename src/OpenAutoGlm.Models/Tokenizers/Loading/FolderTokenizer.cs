using System.Text;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>What the loaders of a folder's files share: marking added tokens, and the specials the configuration names.</summary>
static class FolderTokenizer
{
    /// <summary>Gives the added tokens their place in the vocabulary.</summary>
    public static void MarkAll(VocabularyBuilder builder, IEnumerable<AddedTokenEntry> tokens, bool marksSpaces)
    {
        foreach (AddedTokenEntry token in tokens)
        {
            int bytes = Encoding.UTF8.GetByteCount(token.Text);
            if (bytes is 0 or > AddedTokenMatcher.MaxTextBytes)
            {
                throw new ModelFormatException(builder.File, $"added token {token.Id}", $"its text has {bytes} bytes; 1 to {AddedTokenMatcher.MaxTextBytes} are accepted.");
            }

            builder.Mark(token.Id, token.Text, token.Special ? TokenKind.Control : TokenKind.UserDefined, marksSpaces);
        }
    }

    /// <summary>Adds the specials that the configuration names; the marks around a text are left to the caller.</summary>
    public static TokenizerParts WithSpecials(TokenizerParts parts, TokenizerConfig config)
    {
        Vocabulary vocabulary = parts.Vocabulary;
        int? eos = Find(vocabulary, config.Eos) ?? parts.EosId;
        return parts with
        {
            BosId = Find(vocabulary, config.Bos) ?? parts.BosId,
            EosId = eos,
            PadId = Find(vocabulary, config.Pad) ?? parts.PadId,
            UnknownId = Find(vocabulary, config.Unknown) ?? parts.UnknownId,
            EndIds = [.. parts.EndIds, .. config.EndIds.Select(id => Checked(vocabulary, id)), .. EndTokens.In(vocabulary)],
        };
    }

    /// <summary>Puts BOS and EOS around a text where the configuration, or else the default, says so.</summary>
    public static TokenizerParts WithMarks(TokenizerParts parts, TokenizerConfig config, bool addBos, bool addEos) => parts with
    {
        Prefix = (config.AddBos ?? addBos) && parts.BosId is int bos ? [bos] : [],
        Suffix = (config.AddEos ?? addEos) && parts.EosId is int eos ? [eos] : [],
    };

    static int? Find(Vocabulary vocabulary, string? text) => text is null ? null : vocabulary.FindAny(text) is >= 0 and int id
        ? id
        : throw new ModelFormatException(vocabulary.File, "special tokens", $"\"{text}\" is named as a special token, but is not in the vocabulary.");

    static int Checked(Vocabulary vocabulary, long id) => id >= 0 && id < vocabulary.Count
        ? (int)id
        : throw new ModelFormatException(vocabulary.File, "eos_token_id", $"the id {id} is outside the vocabulary of {vocabulary.Count} tokens.");
}
