using System.Text.Json;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm.Cli.Synth;

/// <summary>The shape of a model whose config.json is at hand.</summary>
static class ShapeFile
{
    /// <summary>A shape by name, or from a config.json.</summary>
    /// <exception cref="CommandFailedException">There is neither.</exception>
    public static ModelShape Find(string nameOrPath)
    {
        if (File.Exists(nameOrPath))
        {
            return Read(nameOrPath);
        }

        try
        {
            return ModelShape.Find(nameOrPath);
        }
        catch (ArgumentException)
        {
            throw new CommandFailedException(
                $"'{nameOrPath}' is no shape and no config.json. Shapes: {string.Join(", ", ModelShape.All.Select(shape => shape.Name))}.");
        }
    }

    static ModelShape Read(string path)
    {
        ModelConfig config = HuggingFaceConfig.Read(path);
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(path));
        JsonElement fields = file.RootElement.TryGetProperty("text_config", out JsonElement text) ? text : file.RootElement;
        bool bias = fields.TryGetProperty("attention_bias", out JsonElement flag) ? flag.ValueKind == JsonValueKind.True : config.Architecture == "qwen2";
        string? folder = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path)));
        string name = Path.GetFileName(path) == "config.json" && folder is { Length: > 0 } ? folder : Path.GetFileNameWithoutExtension(path);

        // GGUF files pair Llama's rotary elements side by side, and its queries and keys are permuted to fit.
        RopePairing pairing = config.Architecture == "llama" ? RopePairing.Interleaved : config.Rope.Pairing;
        return new ModelShape(name, config with { Rope = config.Rope with { Pairing = pairing } }, bias, config.Architecture is "qwen3" or "qwen3moe");
    }
}
