using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm;

/// <summary>Finds a model by what the user calls it (see <see cref="ModelName"/>), fetching or making it where it is not here.</summary>
public static class ModelLocator
{
    /// <summary>The file or folder of a model.</summary>
    /// <param name="nameOrPath">A path, autoglm-nano, organisation/model with @revision or without, or synth:SHAPE[:FORMAT].</param>
    /// <param name="hub">Where models are fetched from and kept; null for what the environment says.</param>
    /// <param name="progress">Hears how far a fetch is.</param>
    /// <param name="cancellation">Breaks off; what was fetched is kept.</param>
    /// <exception cref="FileNotFoundException">There is no such file or folder; the message says what was tried.</exception>
    /// <exception cref="HubException">The hub has no such model, or it could not be fetched.</exception>
    public static async Task<string> LocateAsync(string nameOrPath, HubOptions? hub = null, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        HubOptions options = hub ?? HubOptions.FromEnvironment();
        switch (ModelName.Parse(nameOrPath))
        {
            case ModelName.Hub name:
                return (await FetchAsync(name.Reference, options, progress, cancellation)).Folder;

            case ModelName.BuiltIn:
                return BuiltInModel.Locate();

            case ModelName.Synthetic synthetic:
                return SyntheticModels.Make(synthetic, options.CacheFolder, cancellation);

            case ModelName.Path path when File.Exists(path.Value) || Directory.Exists(path.Value):
                return path.Value;

            default:
                throw new FileNotFoundException(
                    $"'{nameOrPath}' is no file or folder in {Directory.GetCurrentDirectory()}, and no name on the hub, which would be organisation/model. For the built-in model say {BuiltInModel.Name}, for random weights synth:glm4-tiny.",
                    nameOrPath);
        }
    }

    static async Task<HubSnapshot> FetchAsync(HubReference reference, HubOptions options, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        using HubClient client = new(options);
        return await client.PullAsync(reference, HubSelection.Default, progress, cancellation);
    }
}
