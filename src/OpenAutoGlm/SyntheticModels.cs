using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm;

/// <summary>Models of random weights in the cache, each made once.</summary>
static class SyntheticModels
{
    const string Folder = "synth";

    /// <summary>The file of a model, made if it is not there.</summary>
    /// <exception cref="ArgumentException">There is no such shape or format.</exception>
    public static string Make(ModelName.Synthetic name, string cacheFolder, CancellationToken cancellation)
    {
        ModelShape shape = ModelShape.Find(name.Shape);
        string format = ModelSynthesizer.Formats.FirstOrDefault(known => known.Equals(name.Format ?? "Q8_0", StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"Models are not made in the format '{name.Format}'; known are {string.Join(", ", ModelSynthesizer.Formats)}.");
        string path = Path.Combine(cacheFolder, Folder, $"{shape.Name}-{format}.gguf");
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            ModelSynthesizer.Write(shape, format, path, cancellation: cancellation);
        }

        return path;
    }
}
