using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OpenAutoGlm.Optimization.Search;

namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>
/// Qualities that were measured, by candidate, in a file, so that another wish for the same model and text begins with what is
/// known. Written whole after every measurement; a file that cannot be used is as good as none.
/// </summary>
sealed class QualityCache
{
    readonly string? _path;
    readonly string _key;
    readonly SortedDictionary<string, Quality> _known = new(StringComparer.Ordinal);

    /// <summary>The qualities of a file, or of none.</summary>
    /// <param name="path">The file; null to keep them in memory only.</param>
    /// <param name="key">What they depend on: model, windows, method, arithmetic.</param>
    internal QualityCache(string? path, string key)
    {
        (_path, _key) = (path, key);
        foreach ((string name, JsonNode? quality) in KeyedFile.Read(path, key) ?? [])
        {
            _known[name] = quality.Deserialize(QualityJson.Default.Quality)!;
        }
    }

    internal bool Has(string name) => _known.ContainsKey(name);

    /// <summary>The quality of a candidate, measured where it is not known.</summary>
    internal Quality Get(string name, Func<Quality> measure)
    {
        if (_known.TryGetValue(name, out Quality? known))
        {
            return known;
        }

        Quality quality = measure();
        _known[name] = quality;
        if (_path is { } path)
        {
            JsonObject content = [];
            foreach ((string other, Quality value) in _known)
            {
                content[other] = JsonSerializer.SerializeToNode(value, QualityJson.Default.Quality);
            }

            KeyedFile.TryWrite(path, _key, content);
        }

        return quality;
    }
}

[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(Quality))]
sealed partial class QualityJson : JsonSerializerContext;
