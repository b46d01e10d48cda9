using System.Text.Json;

namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>An added token as tokenizer.json and tokenizer_config.json describe it.</summary>
readonly record struct AddedTokenEntry(long Id, string Text, bool Special, bool TakesSpaceBefore, bool TakesSpaceAfter, bool SingleWord)
{
    public static AddedTokenEntry Read(long id, JsonField entry) => new(
        id,
        entry["content"].String(),
        entry.Find("special")?.Flag() ?? false,
        entry.Find("lstrip")?.Flag() ?? false,
        entry.Find("rstrip")?.Flag() ?? false,
        entry.Find("single_word")?.Flag() ?? false);

    /// <param name="marksSpaces">Whether the file writes U+2581 for a space in text.</param>
    public AddedToken ToAddedToken(bool marksSpaces = false) => new(
        (int)Id, marksSpaces && !Special ? Text.Replace('▁', ' ') : Text, Special, TakesSpaceBefore, TakesSpaceAfter, SingleWord);
}

/// <summary>
/// What the small files beside a vocabulary say: tokenizer_config.json, special_tokens_map.json, added_tokens.json,
/// generation_config.json and config.json. Every one may be absent.
/// </summary>
sealed record TokenizerConfig
{
    public string? TokenizerClass { get; init; }

    public string? Bos { get; init; }

    public string? Eos { get; init; }

    public string? Pad { get; init; }

    public string? Unknown { get; init; }

    public bool? AddBos { get; init; }

    public bool? AddEos { get; init; }

    public bool? AddPrefixSpace { get; init; }

    public IReadOnlyList<AddedTokenEntry> AddedTokens { get; init; } = [];

    /// <summary>The ids that end generation, as the model's own configuration lists them.</summary>
    public IReadOnlyList<long> EndIds { get; init; } = [];

    public static TokenizerConfig Read(string folder)
    {
        JsonField? config = TryRead(folder, "tokenizer_config.json");
        JsonField? map = TryRead(folder, "special_tokens_map.json");
        JsonField? generation = TryRead(folder, "generation_config.json") is { } own && own.Find("eos_token_id") is not null
            ? own
            : TryRead(folder, "config.json");
        return new TokenizerConfig
        {
            TokenizerClass = config?.Find("tokenizer_class")?.String(),
            Bos = Mark(config, map, "bos_token"),
            Eos = Mark(config, map, "eos_token"),
            Pad = Mark(config, map, "pad_token"),
            Unknown = Mark(config, map, "unk_token"),
            AddBos = config?.Find("add_bos_token")?.Flag(),
            AddEos = config?.Find("add_eos_token")?.Flag(),
            AddPrefixSpace = config?.Find("add_prefix_space")?.Flag(),
            AddedTokens = config?.Find("added_tokens_decoder") is { } decoder ? [.. Decoder(decoder)] : [.. AddedTokensFile(folder)],
            EndIds = generation?.Find("eos_token_id") is { } ends ? [.. Ids(ends)] : [],
        };
    }

    static IEnumerable<AddedTokenEntry> Decoder(JsonField decoder)
    {
        foreach ((string name, JsonField entry) in decoder.Members())
        {
            yield return long.TryParse(name, out long id)
                ? AddedTokenEntry.Read(id, entry)
                : throw entry.Error($"\"{name}\" is not a token id.");
        }
    }

    static IEnumerable<AddedTokenEntry> AddedTokensFile(string folder) => TryRead(folder, "added_tokens.json") is { } file
        ? file.Members().Select(member => new AddedTokenEntry(member.Value.Integer(), member.Name, true, false, false, false))
        : [];

    static IEnumerable<long> Ids(JsonField field) => field.Kind == JsonValueKind.Array
        ? field.Elements().Select(element => element.Integer())
        : [field.Integer()];

    /// <summary>A mark is a string, or an added token with its flags.</summary>
    static string? Mark(JsonField? config, JsonField? map, string name) => (config?.Find(name) ?? map?.Find(name)) switch
    {
        null => null,
        { Kind: JsonValueKind.Object } entry => entry["content"].String(),
        { } text => text.String(),
    };

    static JsonField? TryRead(string folder, string name) =>
        Path.Combine(folder, name) is string path && File.Exists(path) ? JsonField.Read(path) : null;
}
