using System.Text.Json;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Models.Packages;

/// <summary>
/// Where a model's files say how its embeddings are pooled. Null where they ask for what is not supported; a model that says
/// nothing is a decoder, whose last token has seen the whole text.
/// </summary>
static class PoolingFile
{
    const string Prefix = "pooling_mode_";

    /// <summary>Reads <c>*.pooling_type</c>: 1 mean, 2 first, 3 last. Source: the GGUF specification's keys, and llama.cpp's numbers.</summary>
    internal static Pooling? Read(GgufMetadata metadata, string architecture) => metadata.TryGetInt($"{architecture}.pooling_type", out long type)
        ? type switch { 1 => Pooling.Mean, 2 => Pooling.First, 0 or 3 => Pooling.Last, _ => null }
        : Pooling.Last;

    /// <summary>Reads 1_Pooling/config.json, as sentence-transformers writes it.</summary>
    internal static Pooling? Read(string folder)
    {
        string path = Path.Combine(folder, "1_Pooling", "config.json");
        if (!File.Exists(path))
        {
            return Pooling.Last;
        }

        using JsonDocument document = JsonFile.ReadObject(path);
        string[] modes = document.RootElement.TryGetProperty("pooling_mode", out JsonElement mode) && mode.ValueKind == JsonValueKind.String
            ? [mode.GetString()!]
            : [.. document.RootElement.EnumerateObject().Where(field => field.Name.StartsWith(Prefix, StringComparison.Ordinal) && field.Value.ValueKind == JsonValueKind.True).Select(field => field.Name[Prefix.Length..])];

        // Several at a time would be vectors laid end to end.
        return modes switch
        {
            ["mean" or "mean_tokens" or "mean_sqrt_len_tokens"] => Pooling.Mean, // apart only in length, which becomes 1
            ["cls" or "cls_token"] => Pooling.First,
            ["lasttoken"] => Pooling.Last,
            _ => null,
        };
    }
}
