using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Packages;

/// <summary>What a model's authors recommend for generating with it. Null means that they say nothing.</summary>
public sealed record GenerationDefaults
{
    /// <summary>Ids after which generation ends, the usual one first.</summary>
    public ImmutableArray<int> EosIds { get; init; } = [];

    /// <summary>Softmax temperature; 0 takes the likeliest token.</summary>
    public float? Temperature { get; init; }

    /// <summary>How many of the likeliest tokens are considered; 0 for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Share of the probability that the considered tokens have together.</summary>
    public float? TopP { get; init; }

    /// <summary>Least probability of a considered token, as a share of the likeliest one's.</summary>
    public float? MinP { get; init; }

    /// <summary>Divides the logits of tokens that have been said.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <inheritdoc/>
    public bool Equals(GenerationDefaults? other) => other is not null && EosIds.SequenceEqual(other.EosIds)
        && (Temperature, TopK, TopP, MinP, RepetitionPenalty) == (other.Temperature, other.TopK, other.TopP, other.MinP, other.RepetitionPenalty);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(EosIds.Length, Temperature, TopK, TopP, MinP, RepetitionPenalty);

    /// <summary>Reads the token ids and general.sampling.* of a GGUF file.</summary>
    internal static GenerationDefaults Read(GgufMetadata metadata, int vocab)
    {
        List<int> ids = [];
        foreach (string key in new[] { "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id" })
        {
            if (metadata.TryGetInt(key, out long id) && !ids.Contains(CheckedId(metadata.File, key, id, vocab)))
            {
                ids.Add((int)id);
            }
        }

        GgufFields fields = new(metadata, "general.sampling");
        return Sampling(fields, "temp", "penalty_repeat") with { EosIds = [.. ids] };
    }

    /// <summary>Reads generation_config.json of a folder, and the end tokens of config.json where that has none.</summary>
    internal static GenerationDefaults Read(string folder, int vocab)
    {
        GenerationDefaults defaults = new();
        string path = Path.Combine(folder, "generation_config.json");
        if (File.Exists(path))
        {
            using JsonDocument document = JsonFile.ReadObject(path);
            JsonFields fields = new(path, document.RootElement);
            defaults = Sampling(fields, "temperature", "repetition_penalty") with { EosIds = EosOf(path, fields, vocab) };

            // do_sample false means greedy, whatever the other fields say.
            if (!fields.Bool("do_sample", whenAbsent: true))
            {
                defaults = defaults with { Temperature = 0 };
            }
        }

        string config = Path.Combine(folder, "config.json");
        if (!defaults.EosIds.IsEmpty || !File.Exists(config))
        {
            return defaults;
        }

        using JsonDocument configuration = JsonFile.ReadObject(config);
        JsonFields root = new(config, configuration.RootElement);
        return defaults with { EosIds = EosOf(config, root.Object("text_config", inherits: true) ?? root, vocab) };
    }

    static GenerationDefaults Sampling(ConfigFields fields, string temperature, string penalty) => new()
    {
        Temperature = fields.FromZero(temperature, 100),
        TopK = fields.Has("top_k") ? fields.CountOrZero("top_k", ConfigFields.MaxVocab) : null,
        TopP = fields.Has("top_p") ? fields.Positive("top_p", 1) : null,
        MinP = fields.FromZero("min_p", 1),
        RepetitionPenalty = fields.Has(penalty) ? fields.Positive(penalty, 100) : null,
    };

    static ImmutableArray<int> EosOf(string path, JsonFields fields, int vocab)
    {
        if (fields.Raw("eos_token_id") is not { } value)
        {
            return [];
        }

        JsonElement[] ids = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
        return [.. ids.Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out long number)
            ? CheckedId(path, "eos_token_id", number, vocab)
            : throw new ModelFormatException(path, "eos_token_id", "token ids belong here.")).Distinct()];
    }

    static int CheckedId(string file, string field, long id, int vocab) => id >= 0 && id < vocab
        ? (int)id
        : throw new ModelFormatException(file, field, $"the token id {id} is outside the vocabulary of {vocab}.");
}
