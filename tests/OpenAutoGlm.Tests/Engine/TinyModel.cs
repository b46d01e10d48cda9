using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine;

/// <summary>A whole model of a few thousand random weights, small enough for the reference interpreter.</summary>
sealed class TinyModel : IWeights
{
    const int Seed = 1;

    readonly Dictionary<string, Tensor> _weights = [];
    readonly Random _random = new(Seed);

    internal TinyModel(int vocab = 48)
    {
        Config = new ModelConfig
        {
            Architecture = "llama",
            Layers = 2,
            Hidden = 16,
            Heads = 4,
            KvHeads = 2,
            HeadDim = 4,
            Inner = 24,
            Vocab = vocab,
            ContextLength = 256,
            NormEpsilon = 1e-5f,
            Rope = new RopeConfig(RopePairing.Interleaved, 4, 10_000),
        };
        Add("token_embd.weight", 1, vocab, 16);
        Add("output.weight", 2, vocab, 16);
        Add("output_norm.weight", 1, 16);
        for (int layer = 0; layer < Config.Layers; layer++)
        {
            Add($"blk.{layer}.attn_norm.weight", 1, 16);
            Add($"blk.{layer}.attn_q.weight", 2, 16, 16);
            Add($"blk.{layer}.attn_k.weight", 1, 8, 16);
            Add($"blk.{layer}.attn_v.weight", 3, 8, 16);
            Add($"blk.{layer}.attn_output.weight", 1, 16, 16);
            Add($"blk.{layer}.ffn_norm.weight", 1, 16);
            Add($"blk.{layer}.ffn_gate.weight", 1, 24, 16);
            Add($"blk.{layer}.ffn_up.weight", 1, 24, 16);
            Add($"blk.{layer}.ffn_down.weight", 3, 16, 24);
        }
    }

    internal ModelConfig Config { get; }

    internal InferenceEngine Engine(EngineOptions? options = null) =>
        new(Config, this, new ReferenceInterpreter(), (options ?? new EngineOptions()) with { CheckInvariants = true });

    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _weights.TryGetValue(name, out weight);

    public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : throw new ModelFormatException("tiny", name, "is missing.");

    void Add(string name, float scale, params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Tensor.Allocate(Graph.Formats.TensorFormat.F32, dims);
        foreach (ref float x in tensor.View.Floats)
        {
            x = scale * (float)((_random.NextDouble() * 2) - 1);
        }

        _weights.Add(name, tensor);
    }
}
