using System.Diagnostics;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>The spans of what happens to text before and after the sequence, for whoever listens to "OpenAutoGlm.Engine".</summary>
static class GenerationSpans
{
    public const string SourceName = "OpenAutoGlm.Engine";

    static readonly ActivitySource Source = new(SourceName);

    /// <summary>Begins a span that ends when it is disposed; null where nobody listens.</summary>
    public static Activity? Begin(string name) => Source.StartActivity(name);

    /// <summary>Begins to add up time that comes in pieces; null where nobody listens to the span that runs now.</summary>
    public static PiecewiseSpan? BeginPieces(string name) => Source.HasListeners() && Activity.Current is { } parent ? new(Source, name, parent.Context) : null;
}

/// <summary>
/// A span of work that is done piece by piece, such as the text of each token: it begins with the first piece and is as
/// long as all pieces together, which the tag autoglm.pieces says.
/// </summary>
sealed class PiecewiseSpan(ActivitySource source, string name, ActivityContext parent)
{
    DateTimeOffset _first;
    TimeSpan _sum;
    int _pieces;

    /// <summary>A piece that began at a timestamp of <see cref="Stopwatch"/> and ends now.</summary>
    public void Add(long started)
    {
        TimeSpan piece = Stopwatch.GetElapsedTime(started);
        if (_pieces++ == 0)
        {
            _first = TimeProvider.System.GetUtcNow() - piece;
        }

        _sum += piece;
    }

    /// <summary>Writes the span down.</summary>
    public void End(int choice)
    {
        if (_pieces > 0 && source.StartActivity(name, ActivityKind.Internal, parent, startTime: _first) is { } span)
        {
            span.SetTag("autoglm.choice", choice);
            span.SetTag("autoglm.pieces", _pieces);
            span.SetEndTime((_first + _sum).UtcDateTime);
            span.Dispose();
        }
    }
}
