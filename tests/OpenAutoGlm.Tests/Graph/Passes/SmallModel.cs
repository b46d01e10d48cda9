using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Synthesis;

namespace OpenAutoGlm.Graph.Passes;

/// <summary>A model of each architecture with random weights, and a run of it: a few tokens at once, then one by one.</summary>
sealed unsafe class SmallModel : IWeights
{
    const int Vocab = 40;
    const int BlockTokens = 16;

    readonly Dictionary<string, Tensor> _weights = [];

    SmallModel(ModelShape shape, Func<PlannedTensor, TensorFormat> formatOf, TensorFormat kvFormat, bool real)
    {
        int seed = 0;
        foreach (PlannedTensor tensor in PlannedTensor.For(shape))
        {
            Dim[] dims = [.. tensor.Extents.Select(extent => (Dim)extent)];
            bool vector = tensor.Role is TensorRole.Norm or TensorRole.Bias;
            TensorFormat format = vector ? TensorFormat.F32 : formatOf(tensor);
            _weights.Add(tensor.Name, real ? Random(++seed, format, dims) : new Tensor(new TensorType(new Shape(dims), format), null, null));
        }

        Graph = Architecture.Build(shape.Config, this, new GraphOptions(BlockTokens, kvFormat));
    }

    public static TheoryData<string> Architectures => ["llama", "qwen2", "qwen3", "glm", "glm4", "glm4moe", "qwen3moe"];

    public ModelGraph Graph { get; }

    /// <summary>Odd shapes, float32, KV memory too: nothing is a multiple of sixteen.</summary>
    public static SmallModel Odd(string architecture) => new(ShapeOf(architecture, hidden: 44, headDim: 12, inner: 52), _ => TensorFormat.F32, TensorFormat.F32, real: true);

    /// <summary>Block formats, mixed as files mix them, and every format of KV memory in some architecture.</summary>
    public static SmallModel Mixed(string architecture) => new(
        ShapeOf(architecture, hidden: 256, headDim: 32, inner: 256),
        FormatOf,
        architecture switch
        {
            "qwen2" or "glm4" => TensorFormat.Q8_0,
            "qwen3" => TensorFormat.F16,
            _ => TensorFormat.BF16,
        },
        real: true);

    /// <summary>A published shape without memory for its weights: to count, not to run.</summary>
    public static ModelGraph Published(string name) => new SmallModel(ModelShape.Find(name), _ => TensorFormat.Q8_0, TensorFormat.BF16, real: false).Graph;

    public static PlanLimits Limits(int tokens = 8) => new((Dim.Tokens, tokens), (Dim.Sequences, 1), (Dim.Outputs, tokens), (Dim.Blocks, 4), (Dim.KvBlocks, 4));

    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? weight) => _weights.TryGetValue(name, out weight);

    public Tensor Get(string name) => _weights[name];

    /// <summary>Logits of every token and the KV memory afterwards, from a plan whose values are asked for by those of <paramref name="source"/>.</summary>
    public static float[] Run(Plan plan, ModelGraph source)
    {
        using Execution execution = plan.CreateExecution();
        List<Tensor> states = [];
        foreach (Value state in source.OfKind(ValueKind.State))
        {
            states.Add(Tensor.Allocate(state.Type.Format, [4, .. state.Type.Shape.Dims.AsSpan()[1..]]));
            execution.Bind(state, states[^1]);
        }

        execution.SetSize(Dim.KvBlocks, 4);
        execution.SetSize(Dim.Sequences, 1);
        execution.SetSize(Dim.Blocks, 4);
        execution.Bind(source[ModelInputs.BlockTable], Tensor.Of([2, 0, 3, 1], 1, 4));
        List<float> made = [];
        int position = 0;
        foreach (int tokens in (int[])[5, 1, 1, 8, 3])
        {
            int[] positions = [.. Enumerable.Range(position, tokens)];
            int[] table = [2, 0, 3, 1];
            execution.SetSize(Dim.Tokens, tokens);
            execution.SetSize(Dim.Outputs, tokens);
            execution.Bind(source[ModelInputs.Ids], Tensor.Of([.. positions.Select(p => p * 7 % Vocab)], tokens));
            execution.Bind(source[ModelInputs.Positions], Tensor.Of(positions, tokens));
            execution.Bind(source[ModelInputs.Slots], Tensor.Of([.. positions.Select(p => (table[p / BlockTokens] * BlockTokens) + (p % BlockTokens))], tokens));
            execution.Bind(source[ModelInputs.Sequences], Tensor.Of(new int[tokens], tokens));
            execution.Bind(source[ModelInputs.OutputRows], Tensor.Of([.. Enumerable.Range(0, tokens).Reverse()], tokens));
            execution.Run();
            made.AddRange(execution[source[ModelInputs.Logits]].Floats);
            position += tokens;
        }

        foreach (Tensor state in states)
        {
            made.AddRange(state.ToFloats());
        }

        return [.. made];
    }

    static ModelShape ShapeOf(string architecture, int hidden, int headDim, int inner)
    {
        bool glm = architecture.StartsWith("glm", StringComparison.Ordinal);
        bool experts = architecture.EndsWith("moe", StringComparison.Ordinal);
        int turned = glm ? headDim / 2 : headDim;
        RopePairing pairing = architecture is "llama" or "glm" or "glm4" ? RopePairing.Interleaved : RopePairing.Half;
        return new ModelShape(
            architecture,
            new ModelConfig
            {
                Architecture = architecture,
                Layers = 2,
                Hidden = hidden,
                Heads = 4,
                KvHeads = 2,
                HeadDim = headDim,
                Inner = inner,
                Vocab = Vocab,
                ContextLength = 64,
                NormEpsilon = 1e-5f,
                Rope = new RopeConfig(pairing, turned, 10_000) { Llama3 = architecture == "llama" ? new Llama3RopeScaling(8, 1, 4, 8192) : null },
                TiedEmbeddings = architecture is "qwen2",
                Experts = experts ? new ExpertsConfig { Count = 6, Used = 2, Inner = inner, SharedInner = glm ? inner : 0, DenseLayers = glm ? 1 : 0 } : null,
            },
            QkvBias: glm || architecture == "qwen2",
            HeadNorms: architecture is "qwen3" or "qwen3moe" or "glm4moe");
    }

    static TensorFormat FormatOf(PlannedTensor tensor) => tensor.Kind switch
    {
        "attn_v" or "ffn_down" or "ffn_down_exps" or "output" => TensorFormat.Q6_K,
        "attn_k" or "ffn_up_exps" => TensorFormat.Q8_0,
        "attn_output" => TensorFormat.Q5_0,
        "ffn_gate" => TensorFormat.BF16,
        "ffn_gate_inp" => TensorFormat.F32,
        _ => TensorFormat.Q4_K,
    };

    static Tensor Random(int seed, TensorFormat format, Dim[] dims) => format == TensorFormat.F32
        ? KernelRun.Random(seed, dims.Length == 1 ? 1 : 2 / MathF.Sqrt(dims[^1].Size), dims)
        : KernelRun.RandomWeights(seed, format, dims);
}
