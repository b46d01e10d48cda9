using System.Collections.Immutable;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Access;
using OpenAutoGlm.Server.Metrics;

namespace OpenAutoGlm.Server;

/// <summary>A model under the names that clients call it by.</summary>
public sealed class ServedModel
{
    const int LongestName = 256;

    /// <summary>Serves a generator. It stays the caller's, who disposes its engine after the server.</summary>
    /// <param name="id">The model's name in requests and answers: 1 to 256 characters, none of them a control character.</param>
    /// <param name="generator">What writes the text.</param>
    /// <exception cref="ArgumentException">The name is no such name.</exception>
    public ServedModel(string id, TextGenerator generator)
        : this(id, new EngineTextSource(generator), generator.Engine.ContextLength)
    {
    }

    internal ServedModel(string id, ITextSource source, int contextLength)
    {
        Id = Checked(id);
        Source = source;
        ContextLength = contextLength;
    }

    /// <summary>The model's name.</summary>
    public string Id { get; }

    /// <summary>Further names for it, which obey the same rules.</summary>
    /// <exception cref="ArgumentException">A name is no such name.</exception>
    public ImmutableArray<string> Aliases
    {
        get;
        init => field = [.. value.Select(Checked)];
    } = [];

    /// <summary>When the model was made or loaded, for the list of models.</summary>
    public DateTimeOffset Created { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>Longest sequence in tokens, prompt and answer together.</summary>
    public int ContextLength { get; }

    internal ITextSource Source { get; private set; }

    internal IEnumerable<string> Names => [Id, .. Aliases];

    /// <summary>Counts what the model does from now on, and holds requests to their limits.</summary>
    internal void Watch(ServerMetrics metrics, TimeSpan? timeLimit) => Source = new GuardedSource(metrics.Meter(Id, Source), Id, timeLimit);

    static string Checked(string name) =>
        name.Length is > 0 and <= LongestName && !name.Any(char.IsControl)
            ? name
            : throw new ArgumentException($"A model's name must have 1 to {LongestName} characters and no control characters; this one has {name.Length} characters.");
}
