using System.Text;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.Normalization;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>Builds the tokenizer a GGUF file describes. Defaults are llama.cpp's, since such files are made for it.</summary>
static class GgufTokenizer
{
    public static Tokenizer Load(GgufVocabulary source) => source.Model switch
    {
        "gpt2" => LoadByteLevel(source),
        "llama" => LoadSentencePiece(source, unigram: false),
        "t5" => LoadSentencePiece(source, unigram: true),
        _ => throw Error(source, "model", $"the tokenizer model \"{source.Model}\" is unknown. Known are: gpt2, llama, t5."),
    };

    static Tokenizer LoadByteLevel(GgufVocabulary source)
    {
        string pre = source.Pre ?? "default";
        PreTokenizerPipeline rules = PreTokenizerCatalog.Named(source.File, Key("pre"), pre);
        Vocabulary vocabulary = BuildVocabulary(source, static (text, kind) => kind is TokenKind.Normal or TokenKind.Byte
            ? ByteLevelAlphabet.DecodeOrUtf8(text)
            : Encoding.UTF8.GetBytes(text));
        string[] merges = source.Merges ?? throw Error(source, "merges", "the key is missing; without merges the vocabulary cannot be used.");
        (byte[], byte[])[] pairs = [.. merges.Select((merge, rank) => MergeText.Split(merge) is var (left, right)
            ? (ByteLevelAlphabet.DecodeOrUtf8(left), ByteLevelAlphabet.DecodeOrUtf8(right))
            : throw Error(source, "merges", $"merge {rank}, \"{merge}\", is not two parts with a space between."))];
        bool llama3 = pre is "llama-bpe" or "llama3" or "llama-v3";
        MergeListEncoder encoder = new(
            vocabulary, pairs, Id(source.UnknownId), fromCharacters: false, wholePiecesFirst: llama3 || pre is "tekken" or "glm4" or "chatglm-bpe");
        return new Tokenizer(WithSpecials(source, addBos: llama3 || pre == "tekken", addEos: false, new TokenizerParts
        {
            Source = "GGUF gpt2",
            Vocabulary = vocabulary,
            Encoder = encoder,
            PreTokenizer = rules,
        }));
    }

    static Tokenizer LoadSentencePiece(GgufVocabulary source, bool unigram)
    {
        if (source.Scores is null)
        {
            throw Error(source, "scores", "the key is missing; without scores the vocabulary cannot be used.");
        }

        Vocabulary vocabulary = BuildVocabulary(source, SentencePieceText.Bytes);
        int? unknownId = Id(source.UnknownId) ?? (vocabulary.Count > 0 && vocabulary.Kind(0) == TokenKind.Unknown ? 0 : null);
        bool addSpace = source.AddSpacePrefix ?? true;
        PrecompiledCharacterMap? map = source.CharacterMap is { Length: > 0 } bytes
            ? new PrecompiledCharacterMap(source.File, Key("precompiled_charsmap"), bytes)
            : null;
        return new Tokenizer(WithSpecials(source, addBos: !unigram, addEos: unigram, new TokenizerParts
        {
            Source = "GGUF " + source.Model,
            Vocabulary = vocabulary,
            Encoder = unigram ? new UnigramEncoder(vocabulary, unknownId) : TokenRankEncoder.ByScores(vocabulary, unknownId),
            Normalizers =
            [
                new SentencePieceNormalizer(
                    addSpace ? SpacePrefix.Always : SpacePrefix.None, prefixFirstOnly: false, source.RemoveExtraSpaces ?? unigram, map),
            ],
            StripLeadingSpace = addSpace,
            UnknownId = unknownId,
        }));
    }

    static Vocabulary BuildVocabulary(GgufVocabulary source, Func<string, TokenKind, byte[]?> bytesOf)
    {
        RequireSameCount(source, "scores", source.Scores?.Length);
        RequireSameCount(source, "token_type", source.TokenTypes?.Length);
        VocabularyBuilder builder = new(source.File);
        for (int id = 0; id < source.Tokens.Length; id++)
        {
            TokenKind kind = source.TokenTypes?[id] switch
            {
                null or 0 => TokenKind.Normal,
                >= 1 and <= 6 and int type => (TokenKind)type,
                int other => throw Error(source, "token_type", $"token {id} has the type {other}; types go from 1 to 6."),
            };
            byte[] bytes = bytesOf(source.Tokens[id], kind)
                ?? throw Error(source, "tokens", $"token {id}, \"{source.Tokens[id]}\", is of type byte but not spelled <0x00> to <0xFF>.");
            builder.Add(id, bytes, kind, source.Scores?[id] ?? 0);
        }

        return builder.Build();
    }

    static TokenizerParts WithSpecials(GgufVocabulary source, bool addBos, bool addEos, TokenizerParts parts)
    {
        Vocabulary vocabulary = parts.Vocabulary;
        int? bos = Checked(source, "bos_token_id", source.BosId, vocabulary);
        int? eos = Checked(source, "eos_token_id", source.EosId, vocabulary);
        int?[] ends =
        [
            Checked(source, "eot_token_id", source.EndOfTurnId, vocabulary),
            Checked(source, "eom_token_id", source.EndOfMessageId, vocabulary),
        ];
        return parts with
        {
            AddedTokens = [.. SentencePieceTokenizer.AddedTokensOf(vocabulary, [])],
            BosId = bos,
            EosId = eos,
            PadId = Checked(source, "padding_token_id", source.PadId, vocabulary),
            UnknownId = Checked(source, "unknown_token_id", source.UnknownId, vocabulary) ?? parts.UnknownId,
            EndIds = [.. ends.OfType<int>(), .. EndTokens.In(vocabulary)],
            Prefix = (source.AddBos ?? addBos) && bos is int first ? [first] : [],
            Suffix = (source.AddEos ?? addEos) && eos is int last ? [last] : [],
        };
    }

    static int? Checked(GgufVocabulary source, string field, long? id, Vocabulary vocabulary) => id switch
    {
        null => null,
        >= 0 when id < vocabulary.Count => (int)id,
        _ => throw Error(source, field, $"the id {id} is outside the vocabulary of {vocabulary.Count} tokens."),
    };

    static int? Id(long? id) => id is >= 0 and < VocabularyBuilder.MaxTokens ? (int)id : null;

    static void RequireSameCount(GgufVocabulary source, string field, int? count)
    {
        if (count is int other && other != source.Tokens.Length)
        {
            throw Error(source, field, $"there are {other} for {source.Tokens.Length} tokens.");
        }
    }

    static string Key(string field) => "tokenizer.ggml." + field;

    static ModelFormatException Error(GgufVocabulary source, string field, string message) => new(source.File, Key(field), message);
}
