using System.Collections.Immutable;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli.Serve;

/// <summary>A model that a server is started with.</summary>
/// <param name="Source">A path, a name on the hub, or a shape.</param>
/// <param name="Name">What clients call it.</param>
/// <param name="IsFromFolder">Whether it is one of a folder's models, which nobody named by itself.</param>
sealed record ServeEntry(string Source, string Name, bool IsFromFolder)
{
    /// <summary>Further names.</summary>
    public ImmutableArray<string> Aliases { get; init; } = [];

    /// <summary>Whether it stays loaded.</summary>
    public bool IsPinned { get; init; }

    /// <summary>What an argument stands for: one model, or those of a folder.</summary>
    /// <exception cref="FileNotFoundException">There is no such file or folder.</exception>
    public static IEnumerable<ServeEntry> Of(string given)
    {
        switch (ModelName.Parse(given))
        {
            case ModelName.Hub hub:
                return [new ServeEntry(given, hub.Reference.Repository, IsFromFolder: false)];

            case ModelName.BuiltIn:
                return [new ServeEntry(given, BuiltInModel.Name, IsFromFolder: false)];

            case ModelName.Synthetic synthetic:
                return [new ServeEntry(given, synthetic.Shape, IsFromFolder: false)];

            case ModelName.Path { Value: var folder } when Directory.Exists(folder):
                IReadOnlyList<FoundModel> found = ModelPackage.FindIn(folder);
                bool isOne = found.Count == 0 || (found.Count == 1 && found[0].Path == folder);
                return isOne
                    ? [new ServeEntry(given, new DirectoryInfo(folder).Name, IsFromFolder: false)] // An empty folder is refused with its reason when it is opened.
                    : found.Select(model => new ServeEntry(model.Path, model.Name, IsFromFolder: true));

            case ModelName.Path { Value: var file }:
                return [new ServeEntry(file, Path.GetFileNameWithoutExtension(file), IsFromFolder: false)];

            default:
                throw new InvalidOperationException("A name of no kind.");
        }
    }
}
