using System.Text;
using OpenAutoGlm.Models.Tokenizers.Loading;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.Normalization;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Saving;

/// <summary>Says a tokenizer as GGUF files do: byte-level byte-pair encoding as "gpt2", SentencePiece's as "llama".</summary>
static class GgufVocabularyMaker
{
    // Readers take more from these names than how text is cut: whole pieces are looked up before merging.
    static readonly string[] LookUpFirst = ["llama-bpe", "tekken", "glm4", "chatglm-bpe"];

    /// <summary>The tokenizer's keys, proved to cut text as the tokenizer does.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="rows">Rows of the embedding table; ids without a token are filled up.</param>
    /// <param name="architecture">The model's architecture, by which GLM's names are told from Llama's.</param>
    /// <exception cref="ModelFormatException">Such files cannot say it; what is in the way is named.</exception>
    public static GgufVocabulary Make(Tokenizer tokenizer, int rows, string architecture)
    {
        TokenizerParts parts = tokenizer.Parts;
        string file = parts.Vocabulary.File;
        if (parts.Vocabulary.Count > rows)
        {
            throw new ModelFormatException(file, "tokenizer", $"it has {parts.Vocabulary.Count} tokens, but the embedding table only {rows} rows; a GGUF file needs a row for each.");
        }

        GgufVocabulary vocabulary = parts.Encoder switch
        {
            BytePairEncoder { FromCharacters: false } encoder => ByteLevel(parts, encoder, rows, architecture),
            BytePairEncoder encoder => SentencePiece(parts, encoder, rows),
            _ => throw new ModelFormatException(file, "tokenizer", $"{parts.Encoder.Name} cannot be written to a GGUF file here; byte-pair encodings can. Write safetensors instead."),
        };
        TokenizerProof.Require(tokenizer, TokenizerLoader.FromGguf(vocabulary), file, "a GGUF file");
        return vocabulary;
    }

    static GgufVocabulary ByteLevel(TokenizerParts parts, BytePairEncoder encoder, int rows, string architecture)
    {
        Vocabulary vocabulary = parts.Vocabulary;
        return Common(parts, rows, "gpt2", SpellBytes) with
        {
            Pre = PreTokenizerName(parts, encoder, architecture),
            Merges = [.. MergeDerivation.Of(vocabulary, encoder).Select(merge => $"{Alphabet(merge.Left)} {Alphabet(merge.Right)}")],
        };
    }

    static GgufVocabulary SentencePiece(TokenizerParts parts, BytePairEncoder encoder, int rows)
    {
        SentencePieceNormalizer? normalizer = parts.Normalizers.OfType<SentencePieceNormalizer>().FirstOrDefault();
        if (normalizer?.HasMap ?? false)
        {
            throw new ModelFormatException(parts.Vocabulary.File, "tokenizer", "its character map cannot be written to a GGUF file here. Write safetensors instead.");
        }

        float[] scores = [.. Enumerable.Range(0, rows).Select(id => id < parts.Vocabulary.Count ? parts.Vocabulary.Score(id) : 0)];
        if (encoder is MergeListEncoder list)
        {
            ScoreByMerges(list, parts.Vocabulary, scores);
        }

        return Common(parts, rows, "llama", SpellPiece) with
        {
            Scores = scores,
            AddSpacePrefix = normalizer is not null && normalizer.Prefix != SpacePrefix.None,
            RemoveExtraSpaces = normalizer?.CollapsesSpaces ?? false,
        };
    }

    /// <summary>A token's score is the place of the first merge that makes it; the earlier, the higher.</summary>
    static void ScoreByMerges(MergeListEncoder encoder, Vocabulary vocabulary, float[] scores)
    {
        int rank = 0;
        Dictionary<int, int> ranks = [];
        foreach ((_, _, int merged) in encoder.Merges)
        {
            ranks.TryAdd(merged, rank++);
        }

        for (int id = 0; id < vocabulary.Count; id++)
        {
            scores[id] = vocabulary.Kind(id) == TokenKind.Normal ? -ranks.GetValueOrDefault(id, rank) : 0;
        }
    }

    static GgufVocabulary Common(TokenizerParts parts, int rows, string model, Func<Vocabulary, int, string> spell)
    {
        Vocabulary vocabulary = parts.Vocabulary;
        int[] ends = [.. parts.EndIds.Where(id => id != parts.EosId).Distinct()];
        return new GgufVocabulary
        {
            File = vocabulary.File,
            Model = model,
            Tokens = [.. Enumerable.Range(0, rows).Select(id => IsHole(vocabulary, id) ? $"[PAD{id}]" : spell(vocabulary, id))],
            TokenTypes = [.. Enumerable.Range(0, rows).Select(id => (int)(IsHole(vocabulary, id) ? TokenKind.Unused : vocabulary.Kind(id)))],
            BosId = parts.BosId,
            EosId = parts.EosId,
            EndOfTurnId = ends.Length > 0 ? ends[0] : null,
            EndOfMessageId = ends.Length > 1 ? ends[1] : null,
            PadId = parts.PadId,
            UnknownId = parts.UnknownId,
            AddBos = parts.BosId is int bos && parts.Prefix is [int first] && first == bos,
            AddEos = parts.EosId is int eos && parts.Suffix is [int last] && last == eos,
        };
    }

    static bool IsHole(Vocabulary vocabulary, int id) => id >= vocabulary.Count || (vocabulary.Kind(id) == TokenKind.Unused && vocabulary.Bytes(id).IsEmpty);

    static string PreTokenizerName(TokenizerParts parts, BytePairEncoder encoder, string architecture)
    {
        string[] names = parts.PreTokenizer is { } pipeline ? [.. PreTokenizerCatalog.NamesOf(pipeline)] : [];
        string preferred = architecture == "glm" ? "chatglm-bpe" : architecture.StartsWith("glm", StringComparison.Ordinal) ? "glm4" : "llama-bpe";
        return names.OrderByDescending(name => LookUpFirst.Contains(name) == encoder.WholePiecesFirst).ThenByDescending(name => name == preferred).FirstOrDefault()
            ?? throw new ModelFormatException(parts.Vocabulary.File, "tokenizer", $"no GGUF file has a name for the pre-tokenizer {parts.PreTokenizer?.Name ?? "that cuts nothing"}. Write safetensors instead.");
    }

    static string SpellBytes(Vocabulary vocabulary, int id) => vocabulary.Kind(id) is TokenKind.Normal or TokenKind.Byte
        ? Alphabet(vocabulary.Bytes(id))
        : Encoding.UTF8.GetString(vocabulary.Bytes(id));

    static string SpellPiece(Vocabulary vocabulary, int id) => vocabulary.Kind(id) switch
    {
        TokenKind.Byte => $"<0x{vocabulary.Bytes(id)[0]:X2}>",
        TokenKind.Normal or TokenKind.UserDefined => Encoding.UTF8.GetString(vocabulary.Bytes(id)).Replace(' ', '▁'),
        _ => Encoding.UTF8.GetString(vocabulary.Bytes(id)),
    };

    static string Alphabet(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length);
        foreach (byte value in bytes)
        {
            text.Append(ByteLevelAlphabet.Encode(value));
        }

        return text.ToString();
    }
}
