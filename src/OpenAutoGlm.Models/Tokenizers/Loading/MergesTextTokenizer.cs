using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.Normalization;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>GPT-2's pair of files: vocab.json with the tokens, merges.txt with a merge a line.</summary>
static class MergesTextTokenizer
{
    const long MaxFileBytes = 1L << 28;

    public static Tokenizer Load(string folder, TokenizerConfig config)
    {
        string vocabularyFile = Path.Combine(folder, "vocab.json");
        string mergesFile = Path.Combine(folder, "merges.txt");
        if (!File.Exists(mergesFile))
        {
            throw new ModelFormatException(vocabularyFile, "merges.txt", "the file is missing beside vocab.json; without merges the vocabulary cannot be used.");
        }

        VocabularyBuilder builder = new(vocabularyFile);
        foreach ((string text, JsonField id) in JsonField.Read(vocabularyFile).Members())
        {
            builder.Add(id.Integer(), ByteLevelAlphabet.DecodeOrUtf8(text));
        }

        bool isQwen = config.TokenizerClass?.StartsWith("Qwen2", StringComparison.Ordinal) ?? false;
        string pre = config.TokenizerClass switch
        {
            null or "GPT2Tokenizer" or "GPT2TokenizerFast" => "gpt-2",
            _ when isQwen => "qwen2",
            string other => throw new ModelFormatException(
                folder, "tokenizer_config.json: tokenizer_class", $"how \"{other}\" cuts text is not known here. Known are GPT2Tokenizer and Qwen2Tokenizer; or add a tokenizer.json."),
        };
        IReadOnlyList<AddedTokenEntry> added = config.AddedTokens.Count > 0 || isQwen ? config.AddedTokens : [.. EndOfText(builder)];
        FolderTokenizer.MarkAll(builder, added, marksSpaces: false);
        Vocabulary vocabulary = builder.Build();
        TokenizerParts parts = FolderTokenizer.WithSpecials(
            new TokenizerParts
            {
                Source = "vocab.json and merges.txt",
                Vocabulary = vocabulary,
                Encoder = new MergeListEncoder(vocabulary, [.. ReadMerges(mergesFile)], null, fromCharacters: false, wholePiecesFirst: false),
                Normalizers = isQwen ? [new ComposingNormalizer()] : [],
                PreTokenizer = PreTokenizerCatalog.Named(folder, "pre-tokenizer", pre),
                AddedTokens = [.. added.Select(token => token.ToAddedToken())],
                EosId = added.FirstOrDefault(token => token.Text == "<|endoftext|>") is { Text: not null } end ? (int)end.Id : null,
            },
            config);
        return new Tokenizer(FolderTokenizer.WithMarks(parts, config, addBos: false, addEos: false));
    }

    /// <summary>GPT-2's only special token stands among the others and is named nowhere.</summary>
    static IEnumerable<AddedTokenEntry> EndOfText(VocabularyBuilder builder)
    {
        for (int id = builder.Count - 1; id >= 0; id--)
        {
            if (builder.Bytes(id).SequenceEqual("<|endoftext|>"u8))
            {
                yield return new AddedTokenEntry(id, "<|endoftext|>", true, false, false, false);
                yield break;
            }
        }
    }

    static IEnumerable<(byte[] Left, byte[] Right)> ReadMerges(string file)
    {
        long length = new FileInfo(file).Length;
        if (length > MaxFileBytes)
        {
            throw new ModelFormatException(file, "file", $"it has {length} bytes; at most {MaxFileBytes} are read.");
        }

        int number = 0;
        foreach (string line in File.ReadLines(file))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }

            yield return MergeText.Split(line) is var (left, right)
                ? (ByteLevelAlphabet.DecodeOrUtf8(left), ByteLevelAlphabet.DecodeOrUtf8(right))
                : throw new ModelFormatException(file, $"line {number}", $"\"{line}\" is not two parts with a space between.");
        }
    }
}
