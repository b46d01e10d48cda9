using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Models;

/// <summary>A model in memory, as an <see cref="IModelLoader"/> brought it. Belongs to the server, which disposes it after its last request.</summary>
public sealed class LoadedModel : IAsyncDisposable
{
    readonly IAsyncDisposable? _owner;

    /// <summary>A generator with all that it stands on.</summary>
    /// <param name="generator">What writes the text.</param>
    /// <param name="memoryBytes">What is taken: weights, keys and values.</param>
    /// <param name="owner">Frees all of it.</param>
    public LoadedModel(TextGenerator generator, long memoryBytes, IAsyncDisposable? owner)
        : this(new EngineTextSource(generator), generator.Engine.ContextLength, memoryBytes, owner)
    {
    }

    internal LoadedModel(ITextSource source, int contextLength, long memoryBytes, IAsyncDisposable? owner)
    {
        Source = source;
        ContextLength = contextLength;
        MemoryBytes = memoryBytes;
        _owner = owner;
    }

    /// <summary>Longest sequence in tokens, prompt and answer together.</summary>
    public int ContextLength { get; }

    /// <summary>What the model takes: weights, keys and values.</summary>
    public long MemoryBytes { get; }

    /// <summary>When its files were made, for the list of models.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>What computes it, in a line for the log.</summary>
    public string? Description { get; init; }

    internal ITextSource Source { get; }

    /// <summary>Frees the model.</summary>
    public ValueTask DisposeAsync() => _owner?.DisposeAsync() ?? ValueTask.CompletedTask;
}
