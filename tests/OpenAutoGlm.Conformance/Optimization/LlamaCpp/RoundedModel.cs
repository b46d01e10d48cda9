using System.Security.Cryptography;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Export;
using OpenAutoGlm.Optimization.Quantization;

namespace OpenAutoGlm.Optimization.LlamaCpp;

/// <summary>
/// The recipe of the files that llama.cpp was given: random weights by a seed, rounded by <see cref="Nearest"/> and written by
/// <see cref="ModelExporter"/>. The last norm is larger than what the shape says, so that a few tokens have most of the probability.
/// </summary>
static class RoundedModel
{
    const int Seed = 7;
    const float Sharpness = 4;

    /// <summary>Writes the file; its SHA-256.</summary>
    internal static string Write(string shape, string format, string path, CancellationToken cancellation)
    {
        string plain = path + ".f32";
        ModelSynthesizer.Write(ModelShape.Find(shape), "F32", plain, Seed, cancellation: cancellation);
        using (ModelPackage source = ModelPackage.Open(plain))
        {
            FormatMixture mixture = FormatMixture.Find(format);
            WeightOverlay rounded = new(source.Weights);
            rounded.Replace("output_norm.weight", Tensor.Of([.. source.Weights.Get("output_norm.weight").ToFloats().Select(value => Sharpness * value)], source.Config.Hidden));
            foreach (string name in source.Weights.Names)
            {
                Tensor weight = source.Weights.Get(name);
                if (mixture.For(name, [.. weight.Shape.Dims.Select(dim => dim.Size)], source.Config) is { } target)
                {
                    rounded.Replace(name, new Nearest().Round(weight, target, null, name, cancellation));
                }
            }

            ModelExporter.Write(source, source.Config, rounded, new ExportOptions(ExportFormat.Gguf), path, null, cancellation);
        }

        File.Delete(plain);
        return Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
    }
}
