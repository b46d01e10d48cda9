using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text.Json;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Configuration;
using OpenAutoGlm.Models.Gguf;

namespace OpenAutoGlm.Logits;

/// <summary>One of the tiny models of the reference data, with the logits that others computed for its prompt.</summary>
sealed class GoldenModel : IWeights, IDisposable
{
    readonly GgufFile _file;

    GoldenModel(string name)
    {
        Name = name;
        _file = GgufFile.Open(SharedData.Path("golden", "models", name + ".gguf"));
        Config = GgufConfig.Read(_file);
    }

    internal static int[] Prompt { get; } = [.. Enumerable.Range(0, 24).Select(i => ((i * 37) + 11) % 900)];

    internal string Name { get; }

    internal ModelConfig Config { get; }

    internal static GoldenModel Open(string name) => new(name);

    /// <summary>Reference logits, [24, vocab]; folder is "logits" (as llama.cpp runs the file) or "exact" (dequantised first).</summary>
    internal float[] Expected(string folder) => Floats(SharedData.Path("golden", folder, Name + ".logits.f32"));

    internal JsonElement Facts(string folder) => JsonDocument.Parse(File.ReadAllText(SharedData.Path("golden", folder, Name + ".json"))).RootElement;

    internal static float[] Floats(string path) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray();

    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _file.TryGetTensor(name, out weight);

    public Tensor Get(string name) => _file.GetTensor(name);

    public void Dispose() => _file.Dispose();
}
