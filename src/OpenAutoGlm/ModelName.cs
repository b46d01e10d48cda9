using System.Text.RegularExpressions;

namespace OpenAutoGlm;

/// <summary>What a user may call a model by: a path, a name on the hub, or a shape to fill with random weights.</summary>
public abstract partial record ModelName
{
    const string SyntheticPrefix = "synth:";

    ModelName()
    {
    }

    /// <summary>A GGUF file, or a folder as Hugging Face has them.</summary>
    /// <param name="Value">The path as given.</param>
    public sealed record Path(string Value) : ModelName;

    /// <summary>A repository on the hub.</summary>
    /// <param name="Repository">Its name: organisation/model.</param>
    /// <param name="Revision">Branch, tag or commit; null for the main branch.</param>
    public sealed record Hub(string Repository, string? Revision) : ModelName;

    /// <summary>A model of random weights, for measuring and trying out.</summary>
    /// <param name="Shape">Name of the shape.</param>
    /// <param name="Format">Block format of the weights; null for Q8_0.</param>
    public sealed record Synthetic(string Shape, string? Format) : ModelName;

    /// <summary>
    /// Reads a name. What exists as a file or folder is a path; synth:SHAPE[:FORMAT] is a shape; organisation/model,
    /// with @revision or without, is a name on the hub; everything else is a path that is not there.
    /// </summary>
    public static ModelName Parse(string text)
    {
        if (File.Exists(text) || Directory.Exists(text))
        {
            return new Path(text);
        }

        if (text.StartsWith(SyntheticPrefix, StringComparison.Ordinal))
        {
            string[] parts = text[SyntheticPrefix.Length..].Split(':', 2);
            return new Synthetic(parts[0], parts.Length > 1 ? parts[1] : null);
        }

        Match hub = HubPattern.Match(text);
        return hub.Success && !text.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
            ? new Hub(hub.Groups["repository"].Value, hub.Groups["revision"].Success ? hub.Groups["revision"].Value : null)
            : new Path(text);
    }

    [GeneratedRegex(@"\A(?<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?<revision>[\w./-]+))?\z", RegexOptions.CultureInvariant | RegexOptions.ECMAScript)]
    static partial Regex HubPattern { get; }
}
