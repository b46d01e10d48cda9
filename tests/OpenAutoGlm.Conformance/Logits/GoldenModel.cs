using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text.Json;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
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
        GgufMetadata m = _file.Metadata;
        string a = m.GetString("general.architecture");
        int I(string k, int d = -1) => m.TryGetInt(a + "." + k, out long v) ? (int)v : d;
        float F(string k, float d = 0) => m.TryGetFloat(a + "." + k, out double v) ? (float)v : d;
        int headDim = I("attention.key_length");
        Config = new ModelConfig
        {
            Architecture = a == "chatglm" ? "glm" : a,
            Layers = I("block_count") - I("nextn_predict_layers", 0),
            Hidden = I("embedding_length"),
            Heads = I("attention.head_count"),
            KvHeads = I("attention.head_count_kv"),
            HeadDim = headDim,
            Inner = I("feed_forward_length"),
            Vocab = _file.GetTensor("token_embd.weight").Shape[0].Size,
            ContextLength = I("context_length"),
            NormEpsilon = F("attention.layer_norm_rms_epsilon"),
            Rope = new RopeConfig(a.StartsWith("qwen", StringComparison.Ordinal) || a == "glm4moe" ? RopePairing.Half : RopePairing.Interleaved, I("rope.dimension_count", headDim), F("rope.freq_base", 10000)),
            Experts = I("expert_count", 0) == 0 ? null : new ExpertsConfig { Count = I("expert_count"), Used = I("expert_used_count"), Inner = I("expert_feed_forward_length"), SharedInner = I("expert_feed_forward_length") * I("expert_shared_count", 0), DenseLayers = I("leading_dense_block_count", 0), Scale = F("expert_weights_scale", 1) },
        };
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
