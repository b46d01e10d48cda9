using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Optimization.Search.Costs;

/// <summary>
/// Times that were measured on a machine, by a key that names the shape, the format and the machine. Kept in a file that
/// is written whole; a file that cannot be read is as good as none.
/// </summary>
public sealed class TimeCache
{
    readonly string? _path;
    readonly SortedDictionary<string, KernelTime> _times = new(StringComparer.Ordinal);

    /// <summary>The times of a file, or of none.</summary>
    /// <param name="path">The file; null to keep times in memory only.</param>
    public TimeCache(string? path)
    {
        _path = path;
        if (path is null || !File.Exists(path))
        {
            return;
        }

        try
        {
            foreach ((string key, JsonNode? value) in JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? [])
            {
                if (value is JsonArray { Count: 2 } pair)
                {
                    _times[key] = new KernelTime((double)pair[0]!, (double)pair[1]!);
                }
            }
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException or FormatException)
        {
            _times.Clear();
        }
    }

    /// <summary>The time of a key, measured where it is not known.</summary>
    public KernelTime? Get(string key, Func<KernelTime?> measure)
    {
        if (_times.TryGetValue(key, out KernelTime known))
        {
            return known;
        }

        if (measure() is not { } time)
        {
            return null;
        }

        _times[key] = time;
        return time;
    }

    /// <summary>Writes the file. That it cannot be written is no failure: the next run measures again.</summary>
    public void Save()
    {
        if (_path is null)
        {
            return;
        }

        JsonObject json = [];
        foreach ((string key, KernelTime time) in _times)
        {
            json[key] = new JsonArray(time.DecodeSeconds, time.PrefillSeconds);
        }

        WholeFile.TryWrite(_path, json.ToJsonString());
    }
}
