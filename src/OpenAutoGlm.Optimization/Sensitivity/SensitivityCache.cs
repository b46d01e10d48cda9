using System.Text.Json.Nodes;
using OpenAutoGlm.Optimization.Search;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>
/// Losses and rounding errors that were measured, in a file, so that a run that is broken off goes on and a second one is quick. The key holds
/// everything that they depend on; a file of another key, or one that cannot be read, is as good as none. The file is
/// written whole, at most once a second and at the end.
/// </summary>
public sealed class SensitivityCache
{
    static readonly TimeSpan BetweenWrites = TimeSpan.FromSeconds(1);

    readonly string? _path;
    readonly string _key;
    readonly TimeProvider _time;
    readonly SortedDictionary<string, double> _losses = new(StringComparer.Ordinal);
    long _written;
    bool _changed;

    /// <summary>The losses of a file, or of none.</summary>
    /// <param name="path">The file; null to keep them in memory only.</param>
    /// <param name="key">What they depend on: model, windows, method, arithmetic.</param>
    /// <param name="time">The clock.</param>
    public SensitivityCache(string? path, string key, TimeProvider time)
    {
        (_path, _key, _time) = (path, key, time);
        _written = time.GetTimestamp();
        foreach ((string name, JsonNode? loss) in KeyedFile.Read(path, key) ?? [])
        {
            _losses[name] = (double)loss!;
        }
    }

    /// <summary>Losses that are known.</summary>
    public int Count => _losses.Count;

    /// <summary>Whether a loss is known.</summary>
    public bool Has(string name) => _losses.ContainsKey(name);

    /// <summary>A loss, measured where it is not known.</summary>
    public double Get(string name, Func<double> measure)
    {
        if (_losses.TryGetValue(name, out double known))
        {
            return known;
        }

        double loss = measure();
        _losses[name] = loss;
        _changed = true;
        if (_time.GetElapsedTime(_written) >= BetweenWrites)
        {
            Save();
        }

        return loss;
    }

    /// <summary>Writes what is new. That it cannot be written is no failure: the next run measures again.</summary>
    public void Save()
    {
        if (_path is null || !_changed)
        {
            return;
        }

        JsonObject losses = [];
        foreach ((string name, double loss) in _losses)
        {
            losses[name] = loss;
        }

        _changed = !KeyedFile.TryWrite(_path, _key, losses);
        _written = _time.GetTimestamp();
    }
}
