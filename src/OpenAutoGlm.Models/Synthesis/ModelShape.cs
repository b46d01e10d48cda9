using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Synthesis;

/// <summary>
/// The dimensions of a published model, to build one with random weights: as large and as slow as the real one, and of
/// no use otherwise. Source: the config.json that each model was published with.
/// </summary>
/// <param name="Name">The name by which the shape is asked for.</param>
/// <param name="Config">The hyper-parameters, with the rotary pairs as GGUF files have them.</param>
/// <param name="QkvBias">Whether the projections to queries, keys and values have a bias.</param>
/// <param name="HeadNorms">Whether queries and keys are normed head by head.</param>
public sealed record ModelShape(string Name, ModelConfig Config, bool QkvBias = false, bool HeadNorms = false)
{
    /// <summary>Every shape: published ones first, then those made for tests and demonstrations.</summary>
    public static ImmutableArray<ModelShape> All { get; } =
    [
        Llama("llama-3.2-1b", layers: 16, hidden: 2048, heads: 32, headDim: 64, inner: 8192, factor: 32, tied: true),
        Llama("llama-3.2-3b", layers: 28, hidden: 3072, heads: 24, headDim: 128, inner: 8192, factor: 32, tied: true),
        Llama("llama-3.1-8b", layers: 32, hidden: 4096, heads: 32, headDim: 128, inner: 14336, factor: 8, tied: false),
        new("qwen2.5-0.5b", Qwen("qwen2", layers: 24, hidden: 896, heads: 14, kvHeads: 2, headDim: 64, inner: 4864, context: 32768), QkvBias: true),
        new("qwen2.5-1.5b", Qwen("qwen2", layers: 28, hidden: 1536, heads: 12, kvHeads: 2, headDim: 128, inner: 8960, context: 32768), QkvBias: true),
        new("qwen3-0.6b", Qwen("qwen3", layers: 28, hidden: 1024, heads: 16, kvHeads: 8, headDim: 128, inner: 3072, context: 40960), HeadNorms: true),
        new("qwen3-4b", Qwen("qwen3", layers: 36, hidden: 2560, heads: 32, kvHeads: 8, headDim: 128, inner: 9728, context: 40960), HeadNorms: true),
        new("qwen3-30b-a3b", Qwen("qwen3moe", layers: 48, hidden: 2048, heads: 32, kvHeads: 4, headDim: 128, inner: 6144, context: 40960) with
        {
            TiedEmbeddings = false,
            Experts = new ExpertsConfig { Count = 128, Used = 8, Inner = 768 },
        }, HeadNorms: true),
        new("glm-edge-1.5b", Glm("glm", layers: 28, hidden: 2048, heads: 16, kvHeads: 4, inner: 6144, context: 8192, epsilon: 1e-5f, new(RopePairing.Interleaved, 128, 10000)) with
        {
            Vocab = 59264,
            TiedEmbeddings = true,
        }),
        new("glm-4-9b-chat", Glm("glm", layers: 40, hidden: 4096, heads: 32, kvHeads: 2, inner: 13696, context: 131072, epsilon: 1.5625e-7f, new(RopePairing.Interleaved, 64, 5_000_000)), QkvBias: true),
        new("glm-4-9b-0414", Glm("glm4", layers: 40, hidden: 4096, heads: 32, kvHeads: 2, inner: 13696, context: 32768, epsilon: 1e-5f, new(RopePairing.Interleaved, 64, 10000)), QkvBias: true),
        GlmMoe("glm-4.5-air", layers: 46, hidden: 4096, heads: 96, kvHeads: 8, headDim: 128, inner: 10944, vocab: 151552, new ExpertsConfig { Count = 128, Used = 8, Inner = 1408, SharedInner = 1408, DenseLayers = 1 }),
        GlmMoe("glm4moe-1b", layers: 16, hidden: 1024, heads: 16, kvHeads: 4, headDim: 64, inner: 4096, vocab: 151552, new ExpertsConfig { Count = 32, Used = 4, Inner = 512, SharedInner = 512, DenseLayers = 1 }),
        Tiny(Llama("llama-tiny", layers: 2, hidden: 256, heads: 4, headDim: 64, inner: 512, factor: 8, tied: true)),
        Tiny(new("qwen3-tiny", Qwen("qwen3", layers: 2, hidden: 256, heads: 4, kvHeads: 2, headDim: 64, inner: 512, context: 2048), HeadNorms: true)),
        Tiny(new("glm4-tiny", Glm("glm4", layers: 2, hidden: 256, heads: 4, kvHeads: 2, inner: 512, context: 2048, epsilon: 1e-5f, new(RopePairing.Interleaved, 32, 10000)), QkvBias: true)),
        Tiny(GlmMoe("glm4moe-tiny", layers: 3, hidden: 256, heads: 4, kvHeads: 2, headDim: 64, inner: 512, vocab: 1024, new ExpertsConfig { Count = 8, Used = 2, Inner = 256, SharedInner = 256, DenseLayers = 1 })),
    ];

    /// <summary>Finds a shape by name.</summary>
    /// <exception cref="ArgumentException">There is no such shape; the message lists all.</exception>
    public static ModelShape Find(string name) => All.FirstOrDefault(shape => shape.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"There is no shape '{name}'; known are {string.Join(", ", All.Select(shape => shape.Name))}.", nameof(name));

    static ModelShape Llama(string name, int layers, int hidden, int heads, int headDim, int inner, float factor, bool tied) => new(name, new ModelConfig
    {
        Architecture = "llama",
        Layers = layers,
        Hidden = hidden,
        Heads = heads,
        KvHeads = 8,
        HeadDim = headDim,
        Inner = inner,
        Vocab = 128256,
        ContextLength = 131072,
        NormEpsilon = 1e-5f,
        Rope = new RopeConfig(RopePairing.Interleaved, headDim, 500_000) { Llama3 = new Llama3RopeScaling(factor, 1, 4, 8192) },
        TiedEmbeddings = tied,
    });

    static ModelConfig Qwen(string architecture, int layers, int hidden, int heads, int kvHeads, int headDim, int inner, int context) => new()
    {
        Architecture = architecture,
        Layers = layers,
        Hidden = hidden,
        Heads = heads,
        KvHeads = kvHeads,
        HeadDim = headDim,
        Inner = inner,
        Vocab = 151936,
        ContextLength = context,
        NormEpsilon = 1e-6f,
        Rope = new RopeConfig(RopePairing.Half, headDim, 1_000_000),
        TiedEmbeddings = true,
    };

    static ModelConfig Glm(string architecture, int layers, int hidden, int heads, int kvHeads, int inner, int context, float epsilon, RopeConfig rope) => new()
    {
        Architecture = architecture,
        Layers = layers,
        Hidden = hidden,
        Heads = heads,
        KvHeads = kvHeads,
        HeadDim = 128,
        Inner = inner,
        Vocab = 151552,
        ContextLength = context,
        NormEpsilon = epsilon,
        Rope = rope,
    };

    static ModelShape GlmMoe(string name, int layers, int hidden, int heads, int kvHeads, int headDim, int inner, int vocab, ExpertsConfig experts) => new(name, new ModelConfig
    {
        Architecture = "glm4moe",
        Layers = layers,
        Hidden = hidden,
        Heads = heads,
        KvHeads = kvHeads,
        HeadDim = headDim,
        Inner = inner,
        Vocab = vocab,
        ContextLength = 131072,
        NormEpsilon = 1e-5f,
        Rope = new RopeConfig(RopePairing.Half, headDim / 2, 1_000_000),
        Experts = experts,
    }, QkvBias: true);

    static ModelShape Tiny(ModelShape shape) => shape with
    {
        Config = shape.Config with { KvHeads = 2, HeadDim = 64, Vocab = 1024, ContextLength = 2048 },
    };
}
