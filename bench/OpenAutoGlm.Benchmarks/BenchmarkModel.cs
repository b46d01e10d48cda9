using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Training.Nano;

namespace OpenAutoGlm.Benchmarks;

/// <summary>A model of random weights to time the training of.</summary>
sealed class BenchmarkModel : IWeights
{
    readonly Dictionary<string, Tensor> _weights = [];

    BenchmarkModel(string name, ModelConfig config)
    {
        (Name, Config) = (name, config);
        bool glm = config.Architecture == "glm4";
        Random random = new(1);
        Add("token_embd.weight", 0.05f, config.Vocab, config.Hidden);
        Add("output_norm.weight", 1, config.Hidden);
        int keys = config.KvHeads * config.HeadDim;
        int queries = config.Heads * config.HeadDim;
        for (int layer = 0; layer < config.Layers; layer++)
        {
            string[] norms = glm ? ["attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"] : ["attn_norm", "ffn_norm"];
            foreach (string norm in norms)
            {
                Add($"blk.{layer}.{norm}.weight", 1, config.Hidden);
            }

            List<(string, int, int)> matrices = [("attn_q", queries, config.Hidden), ("attn_k", keys, config.Hidden), ("attn_v", keys, config.Hidden), ("attn_output", config.Hidden, queries), ("ffn_down", config.Hidden, config.Inner)];
            matrices.AddRange(glm ? [("ffn_up", 2 * config.Inner, config.Hidden)] : [("ffn_up", config.Inner, config.Hidden), ("ffn_gate", config.Inner, config.Hidden)]);
            foreach ((string matrix, int rows, int columns) in matrices)
            {
                Add($"blk.{layer}.{matrix}.weight", 0.08f, rows, columns);
            }
        }

        void Add(string weight, float scale, params ReadOnlySpan<Dim> dims)
        {
            Tensor tensor = Tensor.Allocate(TensorFormat.F32, dims);
            foreach (ref float value in tensor.View.Floats)
            {
                value = scale * ((2 * random.NextSingle()) - 1);
            }

            _weights.Add(weight, tensor);
        }
    }

    internal string Name { get; }

    internal ModelConfig Config { get; }

    /// <summary>From the smallest to the largest.</summary>
    internal static IEnumerable<BenchmarkModel> All()
    {
        yield return new BenchmarkModel("autoglm-nano", NanoStart.Config);
        yield return Shakespeare();
        yield return new BenchmarkModel("llama, 8 layers of 512", Llama(layers: 8, hidden: 512, heads: 8, inner: 1408, vocab: 8192));
    }

    internal static BenchmarkModel Shakespeare() => new("llama, 6 layers of 256", Llama(layers: 6, hidden: 256, heads: 4, inner: 768, vocab: 2048));

    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _weights.TryGetValue(name, out weight);

    public Tensor Get(string name) => TryGet(name, out Tensor? weight) ? weight : throw new ModelFormatException(Name, name, "is missing.");

    static ModelConfig Llama(int layers, int hidden, int heads, int inner, int vocab) => new()
    {
        Architecture = "llama",
        Layers = layers,
        Hidden = hidden,
        Heads = heads,
        KvHeads = heads,
        HeadDim = hidden / heads,
        Inner = inner,
        Vocab = vocab,
        ContextLength = 4096,
        NormEpsilon = 1e-5f,
        Rope = new RopeConfig(RopePairing.Interleaved, hidden / heads, 10_000),
        TiedEmbeddings = true,
    };
}
