using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm;

/// <summary>What a user may call a model by: a path, the name of the built-in model, a name on the hub, or a shape to fill with random weights.</summary>
public abstract record ModelName
{
    const string SyntheticPrefix = "synth:";

    ModelName()
    {
    }

    /// <summary>A GGUF file, or a folder as Hugging Face has them.</summary>
    /// <param name="Value">The path as given.</param>
    public sealed record Path(string Value) : ModelName;

    /// <summary>The model that comes with the program.</summary>
    public sealed record BuiltIn : ModelName;

    /// <summary>A repository on the hub.</summary>
    /// <param name="Reference">Its name and revision.</param>
    public sealed record Hub(HubReference Reference) : ModelName;

    /// <summary>A model of random weights, for measuring and trying out.</summary>
    /// <param name="Shape">Name of the shape.</param>
    /// <param name="Format">Block format of the weights; null for Q8_0.</param>
    public sealed record Synthetic(string Shape, string? Format) : ModelName;

    /// <summary>
    /// Reads a name. What exists as a file or folder is a path; autoglm-nano is the built-in model; synth:SHAPE[:FORMAT] is
    /// a shape; organisation/model, with @revision or without, is a name on the hub; everything else is a path that is not
    /// there.
    /// </summary>
    public static ModelName Parse(string text)
    {
        if (File.Exists(text) || Directory.Exists(text))
        {
            return new Path(text);
        }

        if (text == BuiltInModel.Name)
        {
            return new BuiltIn();
        }

        if (text.StartsWith(SyntheticPrefix, StringComparison.Ordinal))
        {
            string[] parts = text[SyntheticPrefix.Length..].Split(':', 2);
            return new Synthetic(parts[0], parts.Length > 1 ? parts[1] : null);
        }

        if (text.Count(character => character == '/') == 1 && !text.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
        {
            try
            {
                return new Hub(HubReference.Parse(text));
            }
            catch (HubException)
            {
                // No name on the hub, so a path.
            }
        }

        return new Path(text);
    }
}
