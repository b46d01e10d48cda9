namespace OpenAutoGlm.Server.Models;

/// <summary>
/// Brings a model into memory when a server wants it, any number of times. Calls may come from any thread, and a second
/// load may begin while what the first one brought is still in use.
/// </summary>
public interface IModelLoader
{
    /// <summary>What the model was named: a path, or a name on the hub. Told to operators only.</summary>
    string Source { get; }

    /// <summary>What can be told without opening or fetching anything now; null for nothing.</summary>
    ModelFacts? Known { get; }

    /// <summary>Finds the model, fetching it if need be, and tells what loading it takes. Loads nothing.</summary>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Nobody wants the model any more.</param>
    Task<ModelFacts> PrepareAsync(IProgress<LoadProgress> progress, CancellationToken cancellation);

    /// <summary>Loads the model. What it takes must not be more than <see cref="PrepareAsync"/> told.</summary>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Nobody wants the model any more. A model that comes nevertheless is disposed.</param>
    Task<LoadedModel> LoadAsync(IProgress<LoadProgress> progress, CancellationToken cancellation);

    /// <summary>A loader of the same settings for another file or folder.</summary>
    IModelLoader At(string path);
}

/// <summary>What is known of a model before it is loaded.</summary>
/// <param name="MemoryBytes">What it will take: weights, keys and values.</param>
/// <param name="ContextLength">Longest sequence in tokens; null where only loading tells.</param>
/// <param name="Created">When its files were made.</param>
public sealed record ModelFacts(long MemoryBytes, int? ContextLength = null, DateTimeOffset? Created = null);

/// <summary>How far a load is.</summary>
/// <param name="Stage">What is being done, in a word or two: "fetching", "weights".</param>
/// <param name="Fraction">How much of it is done, 0 to 1; null where nobody knows.</param>
public readonly record struct LoadProgress(string Stage, double? Fraction = null);
