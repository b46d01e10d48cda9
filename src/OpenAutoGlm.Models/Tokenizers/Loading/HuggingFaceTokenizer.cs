using System.Text;
using System.Text.Json;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>
/// Hugging Face's tokenizer.json. The file describes a pipeline of named parts; each part is one of those known here,
/// or the file is refused with the part's name: a tokenizer that is nearly right gives wrong answers without a trace.
/// </summary>
static class HuggingFaceTokenizer
{
    public static Tokenizer Load(string file, TokenizerConfig config)
    {
        JsonField root = JsonField.Read(file);
        JsonField model = root["model"];
        HuggingFacePipeline pipeline = HuggingFacePipeline.Read(file, root);
        string type = model.Find("type")?.String() ?? (model.Find("merges") is null ? "unknown" : "BPE");
        AddedTokenEntry[] added = root.Find("added_tokens") is { } list
            ? [.. list.Elements().Select(entry => AddedTokenEntry.Read(entry["id"].Integer(), entry))]
            : [];
        VocabularyBuilder builder = new(file);
        int? unknownId = type switch
        {
            "BPE" => AddBytePairTokens(model, pipeline, builder),
            "Unigram" => AddUnigramTokens(model, builder),
            _ => throw model.Error($"the model type \"{type}\" is not supported; BPE and Unigram are."),
        };
        FolderTokenizer.MarkAll(builder, added, pipeline.MarksSpaces);
        Vocabulary vocabulary = builder.Build();
        PieceEncoder encoder = type == "BPE"
            ? new MergeListEncoder(
                vocabulary, [.. Merges(model, pipeline)], unknownId, fromCharacters: !pipeline.IsByteLevel, model.Find("ignore_merges")?.Flag() ?? false)
            : new UnigramEncoder(vocabulary, unknownId);
        TokenizerParts parts = FolderTokenizer.WithSpecials(
            new TokenizerParts
            {
                Source = "tokenizer.json",
                Vocabulary = vocabulary,
                Encoder = encoder,
                Normalizers = pipeline.Normalizers(),
                PreTokenizer = pipeline.Rules.Count > 0 ? new PreTokenizerPipeline(pipeline.RuleNames, [.. pipeline.Rules]) : null,
                AddedTokens = [.. added.Select(token => token.ToAddedToken(pipeline.MarksSpaces))],
                StripLeadingSpace = pipeline.StripsLeadingSpace,
                UnknownId = unknownId,
            },
            config);
        (List<int> prefix, List<int> suffix)? template = HuggingFaceTemplate.Read(root.Find("post_processor"));
        return new Tokenizer(template is var (before, after)
            ? parts with { Prefix = before, Suffix = after }
            : FolderTokenizer.WithMarks(parts, config, addBos: false, addEos: false));
    }

    static int? AddBytePairTokens(JsonField model, HuggingFacePipeline pipeline, VocabularyBuilder builder)
    {
        foreach (string affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.Find(affix) is { } text && text.String().Length > 0)
            {
                throw text.Error("byte-pair encoding with marked subwords is not supported.");
            }
        }

        bool byteFallback = model.Find("byte_fallback")?.Flag() ?? false;
        string? unknown = model.Find("unk_token")?.String();
        int? unknownId = null;
        foreach ((string text, JsonField id) in model["vocab"].Members())
        {
            bool isUnknown = text == unknown;
            bool isByte = byteFallback && Vocabulary.TryParseByte(text, out _);
            TokenKind kind = isUnknown ? TokenKind.Unknown : isByte ? TokenKind.Byte : TokenKind.Normal;
            unknownId = isUnknown ? (int)id.Integer() : unknownId;
            builder.Add(id.Integer(), isUnknown ? Encoding.UTF8.GetBytes(text) : isByte ? SentencePieceText.Bytes(text, kind)! : pipeline.Bytes(text), kind);
        }

        return unknown is not null && unknownId is null
            ? throw model["unk_token"].Error($"\"{unknown}\" is not in the vocabulary.")
            : unknownId;
    }

    static int? AddUnigramTokens(JsonField model, VocabularyBuilder builder)
    {
        bool byteFallback = model.Find("byte_fallback")?.Flag() ?? false;
        long? unknownId = model.Find("unk_id")?.Integer();
        foreach (JsonField entry in model["vocab"].Elements())
        {
            JsonField[] pair = [.. entry.Elements()];
            if (pair.Length != 2)
            {
                throw entry.Error("a token of a unigram model is a text and a score.");
            }

            string text = pair[0].String();
            TokenKind kind = builder.Count == unknownId ? TokenKind.Unknown
                : byteFallback && Vocabulary.TryParseByte(text, out _) ? TokenKind.Byte
                : TokenKind.Normal;
            builder.Add(builder.Count, SentencePieceText.Bytes(text, kind)!, kind, pair[1].Number());
        }

        return unknownId is null || (unknownId >= 0 && unknownId < builder.Count)
            ? (int?)unknownId
            : throw model["unk_id"].Error($"the id {unknownId} is outside the vocabulary of {builder.Count} tokens.");
    }

    static IEnumerable<(byte[] Left, byte[] Right)> Merges(JsonField model, HuggingFacePipeline pipeline)
    {
        foreach (JsonField merge in model["merges"].Elements())
        {
            if (merge.Kind == JsonValueKind.Array)
            {
                string[] parts = [.. merge.Elements().Select(part => part.String())];
                yield return parts is [string first, string second]
                    ? (pipeline.Bytes(first), pipeline.Bytes(second))
                    : throw merge.Error("a merge has two parts.");
            }
            else
            {
                yield return MergeText.Split(merge.String()) is var (left, right)
                    ? (pipeline.Bytes(left), pipeline.Bytes(right))
                    : throw merge.Error($"\"{merge.String()}\" is not two parts with a space between.");
            }
        }
    }
}
