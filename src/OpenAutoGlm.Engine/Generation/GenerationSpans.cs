using System.Diagnostics;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>The spans of what happens to a text before it is a sequence, for whoever listens to "OpenAutoGlm.Engine".</summary>
static class GenerationSpans
{
    public const string SourceName = "OpenAutoGlm.Engine";

    static readonly ActivitySource Source = new(SourceName);

    /// <summary>Begins a span that ends when it is disposed; null where nobody listens.</summary>
    public static Activity? Begin(string name) => Source.StartActivity(name);
}
