using System.Collections.Concurrent;
using System.Text.Json;

namespace OpenAutoGlm.Cpu.Tuning;

/// <summary>
/// Numbers that were found to be the fastest on this machine: tile sizes, chunk sizes, times. A JSON file that several
/// processes share: whoever saves keeps what others have saved meanwhile. A file that cannot be read is no file, for
/// nothing but speed depends on it. Safe for all threads.
/// </summary>
public sealed class TuningCache
{
    const int Version = 1;
    const int MostBytes = 4 << 20;
    const int MostEntries = 10_000;

    readonly string? _path;
    readonly ConcurrentDictionary<string, int> _values = new(StringComparer.Ordinal);

    TuningCache(string? path) => _path = path;

    /// <summary>Keys and values, by key.</summary>
    public IEnumerable<KeyValuePair<string, int>> Entries => _values.ToArray().OrderBy(entry => entry.Key, StringComparer.Ordinal);

    /// <summary>A cache that is kept nowhere.</summary>
    public static TuningCache InMemory() => new(path: null);

    /// <summary>The cache in a file, which need not be there yet.</summary>
    public static TuningCache Open(string path)
    {
        TuningCache cache = new(path);
        cache.ReadFile(overwrite: true);
        return cache;
    }

    /// <summary>Finds a value.</summary>
    public bool TryGet(string key, out int value) => _values.TryGetValue(key, out value);

    /// <summary>Notes a value.</summary>
    public void Set(string key, int value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        _values[key] = value;
    }

    /// <summary>Writes the file, with what others have written meanwhile; whether that worked.</summary>
    public bool TrySave()
    {
        if (_path is null)
        {
            return false;
        }

        string partial = $"{_path}.{Environment.ProcessId:x}-{Guid.NewGuid():n}.partial";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(_path))!);
            ReadFile(overwrite: false);
            Replace(_path, partial);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    void Replace(string path, string partial)
    {
        try
        {
            using (FileStream stream = new(partial, FileMode.CreateNew, FileAccess.Write))
            {
                Write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    void Write(Stream stream)
    {
        using Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteNumber("version", Version);
        writer.WriteStartObject("values");
        foreach ((string key, int value) in Entries)
        {
            writer.WriteNumber(key, value);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    void ReadFile(bool overwrite)
    {
        try
        {
            if (!File.Exists(_path) || new FileInfo(_path).Length is 0 or > MostBytes)
            {
                return;
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(_path));
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("version", out JsonElement version) || !version.TryGetInt32(out int number) || number != Version
                || !root.TryGetProperty("values", out JsonElement values) || values.ValueKind != JsonValueKind.Object)
            {
                return;
            }

            foreach (JsonProperty entry in values.EnumerateObject().Take(MostEntries))
            {
                if (entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out int value) && (overwrite || !_values.ContainsKey(entry.Name)))
                {
                    _values[entry.Name] = value;
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            // A cache that cannot be read is empty.
        }
    }
}
