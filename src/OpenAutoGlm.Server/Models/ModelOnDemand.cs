using System.Collections.Immutable;

namespace OpenAutoGlm.Server.Models;

/// <summary>A model that a server loads when somebody asks for it, and may unload when nobody does.</summary>
public sealed class ModelOnDemand
{
    /// <summary>Registers a model; nothing is loaded yet.</summary>
    /// <param name="id">The model's name in requests and answers: 1 to 256 characters, none of them a control character.</param>
    /// <param name="loader">Brings it into memory.</param>
    /// <exception cref="ArgumentException">The name is no such name.</exception>
    public ModelOnDemand(string id, IModelLoader loader)
    {
        ArgumentNullException.ThrowIfNull(loader);
        Id = ServedModel.Checked(id);
        Loader = loader;
    }

    /// <summary>The model's name.</summary>
    public string Id { get; }

    /// <summary>Brings the model into memory.</summary>
    public IModelLoader Loader { get; }

    /// <summary>Further names for it, which obey the same rules.</summary>
    /// <exception cref="ArgumentException">A name is no such name.</exception>
    public ImmutableArray<string> Aliases
    {
        get;
        init => field = [.. value.Select(ServedModel.Checked)];
    } = [];

    /// <summary>Whether the model, once loaded, stays: neither being idle nor others' need of memory unloads it.</summary>
    public bool Pinned { get; init; }
}
