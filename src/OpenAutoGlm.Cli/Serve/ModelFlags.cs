using System.CommandLine;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm.Cli.Serve;

/// <summary>The flags that say what a server of several models holds in memory, and under which names.</summary>
sealed class ModelFlags
{
    const string Everything = "all";
    const string Nothing = "none";

    // What is left is for everything else on the machine, this program's own memory included.
    const double ShareOfAvailable = 0.8;

    readonly Option<string[]> _names = Many("--served-model-name", "name", "What clients call the model; may be repeated for further names. With several models, one for each in order.");
    readonly Option<string[]> _aliases = Many("--alias", "name=model", "A further name for a model; may be repeated.");
    readonly Option<string[]> _preload = Many("--preload", "name|all|none", "What is loaded before the server listens; may be repeated. Default: the first model, or none of a folder.");
    readonly Option<string[]> _pinned = Many("--pin", "name", "A model that is loaded at the start and never gives way to others; may be repeated.");
    readonly Option<TimeSpan?> _idle = Flags.Time("--idle-unload", "After how long without a request a model is unloaded. Default: never.");
    readonly Option<long?> _memory = Flags.Bytes("--models-memory", "Most memory for all loaded models, keys and values included. Default: no limit for one model, four fifths of what is available for several.");
    readonly Option<string[]> _swapFolders = Many("--swap-folder", "folder", "A folder that models may be swapped in from while the server runs; may be repeated. Default: none.");

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_names, _aliases, _preload, _pinned, _idle, _memory, _swapFolders];

    /// <summary>The models that a command line names, under the names that they are served by.</summary>
    /// <param name="arguments">The flags.</param>
    /// <param name="given">Paths, folders of models, names on the hub, or shapes.</param>
    /// <exception cref="CommandFailedException">Names are missing, or two models have the same.</exception>
    public List<ServeEntry> Entries(ParseResult arguments, IReadOnlyList<string> given)
    {
        List<ServeEntry> entries = [.. given.SelectMany(ServeEntry.Of)];
        string[] names = arguments.GetValue(_names) ?? [];
        if (entries.Count == 1 && names.Length > 0)
        {
            entries[0] = entries[0] with { Name = names[0], Aliases = [.. names[1..]] };
        }
        else if (names.Length > 0)
        {
            entries = names.Length == entries.Count
                ? [.. entries.Zip(names, (entry, name) => entry with { Name = name })]
                : throw CommandFailedException.Usage($"There are {entries.Count} models and {names.Length} values of --served-model-name: give one for each model, or none.");
        }

        if (entries.GroupBy(entry => entry.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw CommandFailedException.Usage($"{string.Join(" and ", twice.Select(entry => entry.Source))} would both be called '{twice.Key}': name them with --served-model-name.");
        }

        foreach (string alias in arguments.GetValue(_aliases) ?? [])
        {
            string[] parts = alias.Split('=', 2);
            int index = parts.Length == 2 && parts[0].Length > 0
                ? IndexOf(entries, "--alias", parts[1])
                : throw CommandFailedException.Usage($"--alias takes name=model, and '{alias}' is none");
            entries[index] = entries[index] with { Aliases = entries[index].Aliases.Add(parts[0]) };
        }

        foreach (string pinned in arguments.GetValue(_pinned) ?? [])
        {
            int index = IndexOf(entries, "--pin", pinned);
            entries[index] = entries[index] with { IsPinned = true };
        }

        return entries;
    }

    /// <summary>The names of the models that are loaded before the server listens, in the order in which they are.</summary>
    /// <exception cref="CommandFailedException">There is no such model.</exception>
    public IReadOnlyList<string> Preloaded(ParseResult arguments, List<ServeEntry> entries)
    {
        string[] asked = arguments.GetValue(_preload) ?? [];
        IEnumerable<ServeEntry> chosen = asked switch
        {
            [] => entries.Take(1).Where(entry => !entry.IsFromFolder),
            [Everything] => entries,
            [Nothing] => [],
            _ => asked.Select(name => entries[IndexOf(entries, "--preload", name)]),
        };
        return [.. chosen.Concat(entries.Where(entry => entry.IsPinned)).Select(entry => entry.Name).Distinct()];
    }

    /// <summary>What the models may take.</summary>
    public ModelLimits Limits(ParseResult arguments, int models)
    {
        string[] folders = arguments.GetValue(_swapFolders) ?? [];
        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing)
        {
            throw CommandFailedException.Usage($"--swap-folder takes a folder, and '{missing}' is none");
        }

        if (arguments.GetValue(_idle) is { } idle && idle < TimeSpan.FromSeconds(1))
        {
            throw CommandFailedException.Usage("--idle-unload takes a time from 1s to 720h");
        }

        bool isShared = models > 1 || folders.Length > 0;
        return new ModelLimits
        {
            MemoryBytes = arguments.GetValue(_memory) ?? (isShared ? Math.Max(1, (long)(KvSize.AvailableMemory * ShareOfAvailable)) : null),
            IdleUnload = arguments.GetValue(_idle),
            SwapFolders = [.. folders],
        };
    }

    static int IndexOf(List<ServeEntry> entries, string flag, string name) => entries.FindIndex(entry => entry.Name == name || entry.Aliases.Contains(name)) is >= 0 and var index
        ? index
        : throw CommandFailedException.Usage($"{flag} names the model '{name}', but there are only {string.Join(", ", entries.Select(entry => $"'{entry.Name}'"))}");

    static Option<string[]> Many(string name, string helpName, string description) => new(name) { Description = description, HelpName = helpName };
}
