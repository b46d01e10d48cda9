using System.Text;
using System.Text.Unicode;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.Normalization;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>
/// SentencePiece's own tokenizer.model: pieces with scores and types, the trainer's choice of algorithm and special
/// ids, and the rules of normalisation. Source: sentencepiece_model.proto for the field numbers.
/// </summary>
static class SentencePieceTokenizer
{
    const long MaxFileBytes = 1L << 28;

    // ChatGLM2 and 3 keep these outside the file, right behind its pieces; sop and eop could be part of a word.
    static readonly string[] ChatGlmSpecials =
        ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];

    enum Algorithm
    {
        Unigram = 1,
        BytePair = 2,
    }

    sealed class Model
    {
        public Algorithm Algorithm { get; set; } = Algorithm.Unigram;

        public int UnknownId { get; set; }

        public int BosId { get; set; } = 1;

        public int EosId { get; set; } = 2;

        public int PadId { get; set; } = -1;

        public bool AddPrefix { get; set; } = true;

        public bool CollapseSpaces { get; set; } = true;

        public PrecompiledCharacterMap? Map { get; set; }
    }

    public static Tokenizer Load(string file, TokenizerConfig config)
    {
        long length = new FileInfo(file).Length;
        if (length > MaxFileBytes)
        {
            throw new ModelFormatException(file, "file", $"it has {length} bytes; at most {MaxFileBytes} are read.");
        }

        VocabularyBuilder builder = new(file);
        Model model = Read(file, File.ReadAllBytes(file), builder);
        int pieces = builder.Count;
        bool isChatGlm = config.TokenizerClass == "ChatGLMTokenizer";
        IReadOnlyList<AddedTokenEntry> added = isChatGlm
            ? [.. ChatGlmSpecials.Select((text, index) => new AddedTokenEntry(pieces + index, text, true, false, false, SingleWord: char.IsAsciiLetter(text[0])))]
            : config.AddedTokens;
        FolderTokenizer.MarkAll(builder, added, marksSpaces: true);
        Vocabulary vocabulary = builder.Build();
        int? unknownId = model.UnknownId >= 0 && model.UnknownId < vocabulary.Count ? model.UnknownId : null;
        bool unigram = model.Algorithm == Algorithm.Unigram;
        TokenizerParts parts = FolderTokenizer.WithSpecials(
            new TokenizerParts
            {
                Source = "SentencePiece model",
                Vocabulary = vocabulary,
                Encoder = unigram ? new UnigramEncoder(vocabulary, unknownId) : TokenRankEncoder.ByScores(vocabulary, unknownId),
                Normalizers =
                [
                    new SentencePieceNormalizer(
                        model.AddPrefix ? SpacePrefix.Always : SpacePrefix.None, prefixFirstOnly: false, model.CollapseSpaces, model.Map),
                ],
                AddedTokens = [.. AddedTokensOf(vocabulary, added)],
                StripLeadingSpace = model.AddPrefix,
                BosId = Control(vocabulary, model.BosId),
                EosId = Control(vocabulary, model.EosId),
                PadId = Control(vocabulary, model.PadId),
                UnknownId = unknownId,
            },
            config);
        return new Tokenizer(isChatGlm
            ? parts with { Prefix = [pieces + 1, pieces + 3] } // [gMASK] sop
            : FolderTokenizer.WithMarks(parts, config, addBos: !unigram, addEos: unigram));
    }

    /// <summary>The added tokens of the configuration, and the special pieces of the file that it does not mention.</summary>
    public static IEnumerable<AddedToken> AddedTokensOf(Vocabulary vocabulary, IReadOnlyList<AddedTokenEntry> added)
    {
        HashSet<int> seen = [];
        foreach (AddedTokenEntry token in added)
        {
            seen.Add((int)token.Id);
            yield return token.ToAddedToken(marksSpaces: true);
        }

        for (int id = 0; id < vocabulary.Count; id++)
        {
            TokenKind kind = vocabulary.Kind(id);
            bool isMark = kind is TokenKind.Control or TokenKind.Unknown or TokenKind.UserDefined;
            if (isMark && !seen.Contains(id) && vocabulary.Bytes(id).Length is > 0 and <= AddedTokenMatcher.MaxTextBytes)
            {
                yield return new AddedToken(id, Encoding.UTF8.GetString(vocabulary.Bytes(id)), OnRequest: kind != TokenKind.UserDefined);
            }
        }
    }

    static Model Read(string file, ReadOnlySpan<byte> bytes, VocabularyBuilder builder)
    {
        Model model = new();
        ProtobufReader reader = new(file, bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    ReadPiece(file, reader.Bytes, builder);
                    break;
                case 2:
                    ReadTrainer(file, reader.Bytes, model);
                    break;
                case 3:
                    ReadNormalizer(file, reader.Bytes, model);
                    break;
            }
        }

        return model;
    }

    static void ReadPiece(string file, ReadOnlySpan<byte> bytes, VocabularyBuilder builder)
    {
        ReadOnlySpan<byte> text = [];
        float score = 0;
        ulong type = (ulong)TokenKind.Normal;
        ProtobufReader reader = new(file, bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    text = reader.Bytes;
                    break;
                case 2:
                    score = BitConverter.UInt32BitsToSingle((uint)reader.Number);
                    break;
                case 3:
                    type = reader.Number;
                    break;
            }
        }

        if (type is < 1 or > 6 || !Utf8.IsValid(text))
        {
            throw new ModelFormatException(file, $"piece {builder.Count}", $"its type is {type} (1 to 6 are known) and its text \"{Encoding.UTF8.GetString(text)}\".");
        }

        byte[] spelled = SentencePieceText.Bytes(Encoding.UTF8.GetString(text), (TokenKind)type)
            ?? throw new ModelFormatException(file, $"piece {builder.Count}", $"\"{Encoding.UTF8.GetString(text)}\" is of type byte but not spelled <0x00> to <0xFF>.");
        builder.Add(builder.Count, spelled, (TokenKind)type, score);
    }

    static void ReadTrainer(string file, ReadOnlySpan<byte> bytes, Model model)
    {
        ProtobufReader reader = new(file, bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    model.Algorithm = reader.Number is 1 or 2
                        ? (Algorithm)reader.Number
                        : throw new ModelFormatException(file, "trainer_spec.model_type", $"the type {reader.Number} is not supported; 1 (unigram) and 2 (BPE) are.");
                    break;
                case 24 when reader.Number != 0:
                    throw new ModelFormatException(file, "trainer_spec.treat_whitespace_as_suffix", "spaces behind words are not supported.");
                case 40:
                    model.UnknownId = (int)reader.Number;
                    break;
                case 41:
                    model.BosId = (int)reader.Number;
                    break;
                case 42:
                    model.EosId = (int)reader.Number;
                    break;
                case 43:
                    model.PadId = (int)reader.Number;
                    break;
            }
        }
    }

    static void ReadNormalizer(string file, ReadOnlySpan<byte> bytes, Model model)
    {
        ProtobufReader reader = new(file, bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2 when reader.Bytes.Length > 0:
                    model.Map = new PrecompiledCharacterMap(file, "normalizer_spec.precompiled_charsmap", reader.Bytes);
                    break;
                case 3:
                    model.AddPrefix = reader.Number != 0;
                    break;
                case 4:
                    model.CollapseSpaces = reader.Number != 0;
                    break;
                case 5 when reader.Number == 0:
                    throw new ModelFormatException(file, "normalizer_spec.escape_whitespaces", "models that do not mark spaces are not supported.");
            }
        }
    }

    static int? Control(Vocabulary vocabulary, int id) => id >= 0 && id < vocabulary.Count && vocabulary.Kind(id) == TokenKind.Control ? id : null;
}
