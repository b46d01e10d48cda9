using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>A whole model of any architecture, of a few thousand random weights: each has what is particular to it.</summary>
sealed class TinyModels : IWeights
{
    internal const int Vocab = 29;
    const int Hidden = 16;
    const int Inner = 24;

    readonly Dictionary<string, Tensor> _weights = [];
    readonly Random _random;

    TinyModels(string architecture, int seed, int window)
    {
        _random = new Random(seed);
        bool experts = architecture is "qwen3moe" or "glm4moe";
        Config = new ModelConfig
        {
            Architecture = architecture,
            Layers = 2,
            Hidden = Hidden,
            Heads = 4,
            KvHeads = 2,
            HeadDim = 6,
            Inner = Inner,
            Vocab = Vocab,
            ContextLength = 64,
            NormEpsilon = 1e-3f,
            SlidingWindow = window,
            TiedEmbeddings = architecture is "qwen2" or "qwen3",
            Rope = new RopeConfig(architecture is "llama" or "glm" or "glm4" ? RopePairing.Interleaved : RopePairing.Half, architecture.StartsWith("glm", StringComparison.Ordinal) ? 4 : 6, 100),
            Experts = !experts ? null : new ExpertsConfig
            {
                Count = 4,
                Used = 2,
                Inner = 10,
                SharedInner = architecture == "glm4moe" ? 8 : 0,
                DenseLayers = architecture == "glm4moe" ? 1 : 0,
                Scale = architecture == "glm4moe" ? 1.5f : 1,
            },
        };
        Add("token_embd.weight", 1, Vocab, Hidden);
        if (!Config.TiedEmbeddings)
        {
            Add("output.weight", 0.5f, Vocab, Hidden);
        }

        Norm("output_norm.weight", Hidden);
        for (int layer = 0; layer < 2; layer++)
        {
            Layer(layer, architecture);
        }
    }

    internal static ImmutableArray<string> Architectures => [.. Architecture.All.Select(architecture => architecture.Name)];

    internal ModelConfig Config { get; }

    internal static TinyModels Of(string architecture, int seed = 1, int window = 0) => new(architecture, seed, window);

    /// <summary>Three packed sequences with some tokens that do not count.</summary>
    internal static TrainingBatch Batch(int seed = 2)
    {
        Random random = new(seed);
        int[] lengths = [5, 1, 7];
        int[] segments = [.. lengths.SelectMany((length, i) => Enumerable.Repeat(i, length))];
        return new TrainingBatch(
            [.. segments.Select(_ => random.Next(Vocab))],
            [.. lengths.SelectMany(length => Enumerable.Range(0, length))],
            [.. segments],
            [.. segments.Select(_ => random.Next(Vocab))],
            [.. segments.Select((_, i) => i % 4 == 1 ? 0f : 1 + (0.25f * (i % 3)))]);
    }

    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _weights.TryGetValue(name, out weight);

    public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : throw new ModelFormatException("tiny", name, "is missing.");

    void Layer(int layer, string architecture)
    {
        string scope = $"blk.{layer}.";
        (int queries, int keys) = (4 * 6, 2 * 6);
        Norm(scope + "attn_norm.weight", Hidden);
        (string, int)[] projections = architecture == "glm" ? [("attn_qkv", queries + (2 * keys))] : [("attn_q", queries), ("attn_k", keys), ("attn_v", keys)];
        foreach ((string name, int rows) in projections)
        {
            Add($"{scope}{name}.weight", 1, rows, Hidden);
            if (architecture is "qwen2" or "glm" or "glm4" or "glm4moe")
            {
                Add($"{scope}{name}.bias", 0.5f, rows);
            }
        }

        Add(scope + "attn_output.weight", 1, Hidden, queries);
        if (architecture is "qwen3" or "qwen3moe")
        {
            Norm(scope + "attn_q_norm.weight", 6);
            Norm(scope + "attn_k_norm.weight", 6);
        }

        Norm(scope + (architecture == "glm4moe" ? "post_attention_norm.weight" : "ffn_norm.weight"), Hidden);
        if (architecture == "glm4")
        {
            Norm(scope + "post_attention_norm.weight", Hidden);
            Norm(scope + "post_ffw_norm.weight", Hidden);
        }

        if (Config.Experts is { } experts && layer >= experts.DenseLayers)
        {
            Add(scope + "ffn_gate_inp.weight", 2, experts.Count, Hidden);
            if (architecture == "glm4moe")
            {
                Add(scope + "exp_probs_b.bias", 0.1f, experts.Count);
            }

            Add(scope + "ffn_gate_exps.weight", 1, experts.Count, experts.Inner, Hidden);
            Add(scope + "ffn_up_exps.weight", 1, experts.Count, experts.Inner, Hidden);
            Add(scope + "ffn_down_exps.weight", 1, experts.Count, Hidden, experts.Inner);
            if (experts.SharedInner > 0)
            {
                Gated(scope, "_shexp", experts.SharedInner, fused: false);
            }
        }
        else
        {
            Gated(scope, "", Inner, fused: architecture is "glm" or "glm4");
        }
    }

    void Gated(string scope, string suffix, int inner, bool fused)
    {
        if (!fused)
        {
            Add($"{scope}ffn_gate{suffix}.weight", 1, inner, Hidden);
        }

        Add($"{scope}ffn_up{suffix}.weight", 1, fused ? 2 * inner : inner, Hidden);
        Add($"{scope}ffn_down{suffix}.weight", 1, Hidden, inner);
    }

    void Norm(string name, int n)
    {
        Add(name, 0.3f, n);
        foreach (ref float value in _weights[name].View.Floats)
        {
            value += 1;
        }
    }

    void Add(string name, float scale, params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Tensor.Allocate(Graph.Formats.TensorFormat.F32, dims);
        double deviation = dims.Length == 1 ? scale : scale / Math.Sqrt(dims[^1].Size);
        foreach (ref float value in tensor.View.Floats)
        {
            value = (float)(deviation * 1.7 * ((2 * _random.NextDouble()) - 1));
        }

        _weights.Add(name, tensor);
    }
}
