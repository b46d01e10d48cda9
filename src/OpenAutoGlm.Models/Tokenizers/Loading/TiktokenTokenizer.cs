using System.Buffers.Text;
using System.Text;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>
/// tiktoken's rank files: a line for every token, its bytes in base64, a space and its rank, which is its id.
/// The file knows neither a pre-tokenizer nor special tokens; those follow from what stands beside it.
/// </summary>
static class TiktokenTokenizer
{
    const long MaxFileBytes = 1L << 28;

    static readonly string[] Glm4Specials =
    [
        "<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>",
        "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>",
    ];

    static readonly string[] Llama3Specials =
    [
        "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>",
        "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
    ];

    /// <summary>Whether a file's first bytes are such a line.</summary>
    public static bool Recognises(ReadOnlySpan<byte> start)
    {
        int space = start.IndexOf((byte)' ');
        return space > 0 && Base64.IsValid(start[..space]) && space + 1 < start.Length && start[space + 1] is >= (byte)'0' and <= (byte)'9';
    }

    public static Tokenizer Load(string file, TokenizerConfig config)
    {
        VocabularyBuilder builder = new(file);
        ReadRanks(file, builder);
        int ranks = builder.Count;
        string pre = PreTokenizerOf(file, ranks, config);
        string[] known = pre switch { "glm4" => Glm4Specials, "llama-bpe" => Llama3Specials, _ => [] };
        IReadOnlyList<AddedTokenEntry> added = config.AddedTokens.Count > 0
            ? config.AddedTokens
            : [.. known.Select((text, index) => new AddedTokenEntry(ranks + index, text, true, false, false, false))];
        FolderTokenizer.MarkAll(builder, added, marksSpaces: false);
        Vocabulary vocabulary = builder.Build();
        TokenizerParts parts = FolderTokenizer.WithSpecials(
            new TokenizerParts
            {
                Source = "tiktoken ranks",
                Vocabulary = vocabulary,
                Encoder = TokenRankEncoder.ByIds(vocabulary, unknownId: null),
                PreTokenizer = PreTokenizerCatalog.Named(file, "pre-tokenizer", pre),
                AddedTokens = [.. added.Select(token => token.ToAddedToken())],
                BosId = Optional(vocabulary, pre == "llama-bpe" ? "<|begin_of_text|>" : null),
                EosId = Optional(vocabulary, pre == "llama-bpe" ? "<|end_of_text|>" : "<|endoftext|>"),
            },
            config);
        return new Tokenizer(pre == "glm4"
            ? parts with { Prefix = [.. new[] { "[gMASK]", "<sop>" }.Select(vocabulary.FindAny).Where(id => id >= 0)] }
            : FolderTokenizer.WithMarks(parts, config, addBos: pre == "llama-bpe", addEos: false));
    }

    static void ReadRanks(string file, VocabularyBuilder builder)
    {
        long length = new FileInfo(file).Length;
        if (length > MaxFileBytes)
        {
            throw new ModelFormatException(file, "file", $"it has {length} bytes; at most {MaxFileBytes} are read.");
        }

        ReadOnlySpan<byte> text = File.ReadAllBytes(file);
        for (int line = 1; !text.IsEmpty; line++)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> entry = (end < 0 ? text : text[..end]).TrimEnd((byte)'\r');
            text = end < 0 ? [] : text[(end + 1)..];
            if (entry.IsEmpty)
            {
                continue;
            }

            // Whisper's multilingual file ends in a lone padding sign, which Python reads as a token without bytes.
            int space = entry.IndexOf((byte)' ');
            entry = space == 1 && entry[0] == '=' ? entry[1..] : entry;
            space = entry.IndexOf((byte)' ');
            byte[] bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(Math.Max(space, 0))];
            if (space < 0
                || Base64.DecodeFromUtf8(entry[..space], bytes, out _, out int decoded) != System.Buffers.OperationStatus.Done
                || !Utf8Parser.TryParse(entry[(space + 1)..], out int rank, out int consumed)
                || consumed != entry.Length - space - 1)
            {
                throw new ModelFormatException(file, $"line {line}", $"\"{Shorten(entry)}\" is not base64, a space and a rank.");
            }

            builder.Add(rank, bytes[..decoded]);
        }
    }

    static string PreTokenizerOf(string file, int ranks, TokenizerConfig config)
    {
        bool Has(string text) => config.AddedTokens.Any(token => token.Text == text);
        bool nothingBeside = config.AddedTokens.Count == 0;
        return Path.GetFileName(file) switch
        {
            "gpt2.tiktoken" or "multilingual.tiktoken" => "gpt-2", // Whisper's
            "qwen.tiktoken" => "qwen2",
            _ when Has("[gMASK]") || (nothingBeside && ranks == 151_329) => "glm4",
            _ when Has("<|begin_of_text|>") || (nothingBeside && ranks == 128_000) => "llama-bpe",
            _ => throw new ModelFormatException(
                file,
                "pre-tokenizer",
                $"the {ranks} ranks are neither GLM-4's, Llama-3's, Qwen's nor Whisper's, and a rank file does not say how to cut text. Add a tokenizer.json."),
        };
    }

    static int? Optional(Vocabulary vocabulary, string? text) => text is not null && vocabulary.FindAny(text) is >= 0 and int id ? id : null;

    static string Shorten(ReadOnlySpan<byte> entry) => Encoding.UTF8.GetString(entry.Length <= 40 ? entry : entry[..40]);
}
