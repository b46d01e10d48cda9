using System.Text.Json;
using OpenAutoGlm.Models.Tokenizers.Normalization;
using OpenAutoGlm.Models.Tokenizers.PreTokenizers;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>What the normalizer, pre_tokenizer and decoder of a tokenizer.json come to.</summary>
sealed class HuggingFacePipeline
{
    readonly string _file;
    readonly List<string> _names = [];
    SpacePrefix _prefix;
    bool _prefixFirstOnly;
    bool _composes;
    PrecompiledCharacterMap? _map;

    HuggingFacePipeline(string file) => _file = file;

    /// <summary>Whether tokens are spelled in GPT-2's alphabet of bytes.</summary>
    public bool IsByteLevel { get; private set; }

    /// <summary>Whether tokens have U+2581 for a space.</summary>
    public bool MarksSpaces { get; private set; }

    /// <summary>Whether decoding takes away one space at the front.</summary>
    public bool StripsLeadingSpace { get; private set; }

    public List<PreTokenizer> Rules { get; } = [];

    public string RuleNames => string.Join(" then ", _names);

    public static HuggingFacePipeline Read(string file, JsonField root)
    {
        HuggingFacePipeline pipeline = new(file);
        pipeline.ForEachPart(root.Find("normalizer"), "normalizers", pipeline.AddNormalizer);
        pipeline.ForEachPart(root.Find("pre_tokenizer"), "pretokenizers", pipeline.AddPreTokenizer);
        pipeline.ForEachPart(root.Find("decoder"), "decoders", pipeline.AddDecoder);
        return pipeline.IsByteLevel && pipeline.MarksSpaces
            ? throw root.Error("the parts mix byte-level tokens with tokens that mark spaces; no known model does.")
            : pipeline;
    }

    /// <summary>The bytes a token of this file stands for.</summary>
    public byte[] Bytes(string text) => IsByteLevel ? ByteLevelAlphabet.DecodeOrUtf8(text)
        : MarksSpaces ? SentencePieceText.Bytes(text, TokenKind.Normal)!
        : System.Text.Encoding.UTF8.GetBytes(text);

    public IReadOnlyList<TextNormalizer> Normalizers()
    {
        List<TextNormalizer> normalizers = [];
        if (_composes)
        {
            normalizers.Add(new ComposingNormalizer());
        }

        if (MarksSpaces || _map is not null || _prefix != SpacePrefix.None)
        {
            normalizers.Add(new SentencePieceNormalizer(_prefix, _prefixFirstOnly, collapseSpaces: false, _map));
        }

        return normalizers;
    }

    void ForEachPart(JsonField? part, string listName, Action<JsonField, string> add)
    {
        if (part is not { } field)
        {
            return;
        }

        string type = field["type"].String();
        if (type != "Sequence")
        {
            add(field, type);
            return;
        }

        foreach (JsonField inner in field[listName].Elements())
        {
            ForEachPart(inner, listName, add);
        }
    }

    void AddNormalizer(JsonField part, string type)
    {
        switch (type)
        {
            case "NFC":
                _composes = true;
                break;
            case "Prepend" when part["prepend"].String() == "▁":
                (_prefix, MarksSpaces) = (SpacePrefix.Always, true);
                break;
            case "Replace" when StringPattern(part) == " " && part["content"].String() == "▁":
                MarksSpaces = true;
                break;
            case "Precompiled":
                try
                {
                    _map = new PrecompiledCharacterMap(_file, "normalizer.precompiled_charsmap", Convert.FromBase64String(part["precompiled_charsmap"].String()));
                }
                catch (FormatException)
                {
                    throw part.Error("the character map is not base64.");
                }

                break;
            default:
                throw part.Error($"the normalizer {type} is not supported here; NFC, Prepend \"▁\", Replace \" \" by \"▁\" and Precompiled are.");
        }
    }

    void AddPreTokenizer(JsonField part, string type)
    {
        switch (type)
        {
            case "ByteLevel":
                IsByteLevel = true;
                _prefix = part.Find("add_prefix_space")?.Flag() ?? true ? SpacePrefix.UnlessThere : _prefix;
                if (part.Find("use_regex")?.Flag() ?? true)
                {
                    AddRule("gpt-2", new Gpt2PreTokenizer());
                }

                break;
            case "Digits":
                bool single = part.Find("individual_digits")?.Flag() ?? false;
                AddRule(single ? "single digits" : "numbers", RunPreTokenizer.Numbers(single ? 1 : int.MaxValue));
                break;
            case "Metaspace":
                AddMetaspace(part);
                break;
            case "Split" when StringPattern(part) == " " && MarksSpaces:
                break; // By now every space is a mark, so nothing is left to split at.
            case "Split":
                AddSplit(part);
                break;
            default:
                throw part.Error($"the pre-tokenizer {type} is not supported; ByteLevel, Split, Digits and Metaspace are.");
        }
    }

    void AddSplit(JsonField part)
    {
        string pattern = part["pattern"].Find("Regex")?.String() ?? throw part.Error("splitting at a fixed string is not supported.");
        if (!PreTokenizerCatalog.TryFindPattern(pattern, out PreTokenizer? rule))
        {
            throw part.Error($"the pattern {pattern} is none of those known here; it is refused because a guess would spoil every answer.");
        }

        // The known patterns match everything that matters, so dropping what lies between matches changes nothing.
        string behavior = part["behavior"].String();
        bool inverted = part.Find("invert")?.Flag() ?? false;
        if (!(behavior == "Isolated" && !inverted) && !(behavior == "Removed" && inverted))
        {
            throw part.Error($"splitting with the behaviour {behavior}{(inverted ? ", inverted," : "")} is not supported; Isolated is.");
        }

        AddRule(pattern.Length <= 24 ? pattern : rule.GetType().Name.Replace("PreTokenizer", "", StringComparison.Ordinal), rule);
    }

    void AddMetaspace(JsonField part)
    {
        if (part.Find("replacement") is { } mark && mark.String() != "▁")
        {
            throw mark.Error("only the mark \"▁\" is supported.");
        }

        MarksSpaces = true;
        string scheme = part.Find("prepend_scheme")?.String() ?? (part.Find("add_prefix_space")?.Flag() ?? true ? "always" : "never");
        (_prefix, _prefixFirstOnly) = scheme switch
        {
            "always" => (SpacePrefix.UnlessThere, false),
            "first" => (SpacePrefix.UnlessThere, true),
            "never" => (SpacePrefix.None, false),
            _ => throw part.Error($"the scheme \"{scheme}\" is not one of always, first, never."),
        };
        if (part.Find("split")?.Flag() ?? true)
        {
            AddRule("words", new WordPreTokenizer());
        }
    }

    void AddDecoder(JsonField part, string type)
    {
        switch (type)
        {
            case "ByteLevel":
                IsByteLevel = true;
                break;
            case "ByteFallback" or "Fuse":
                break;
            case "Replace" when StringPattern(part) == "▁" && part["content"].String() == " ":
                MarksSpaces = true;
                break;
            case "Strip" when part["content"].String() == " " && part["start"].Integer() <= 1 && part["stop"].Integer() == 0:
                StripsLeadingSpace = part["start"].Integer() == 1;
                break;
            case "Metaspace":
                MarksSpaces = true;
                StripsLeadingSpace = part.Find("prepend_scheme")?.String() != "never" && (part.Find("add_prefix_space")?.Flag() ?? true);
                break;
            default:
                throw part.Error($"the decoder {type} is not supported in this form; ByteLevel, ByteFallback, Fuse, Replace \"▁\" by \" \", Strip and Metaspace are.");
        }
    }

    void AddRule(string name, PreTokenizer rule)
    {
        _names.Add(name);
        Rules.Add(rule);
    }

    static string? StringPattern(JsonField part) => part["pattern"] is { Kind: JsonValueKind.Object } pattern ? pattern.Find("String")?.String() : null;
}
