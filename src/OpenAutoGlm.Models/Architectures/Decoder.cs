using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Models.Architectures;

/// <summary>
/// The pieces that decoder-only models are made of, over one <see cref="GraphBuilder"/>. An architecture says how they
/// follow one another; a piece knows its weights' names and its shapes. Shapes: [tokens, …].
/// </summary>
sealed class Decoder
{
    readonly GraphBuilder _graph;
    readonly IWeights _weights;
    readonly GraphOptions _options;
    readonly Value _positions;
    readonly Value _slots;
    readonly Value _sequences;
    readonly Value _blockTable;
    readonly Value? _ropeFactors;
    string _scope = "";
    int _layer;

    internal Decoder(ModelConfig config, IWeights weights, GraphOptions options)
    {
        Config = config;
        _weights = weights;
        _options = options;
        _graph = new GraphBuilder(config.Architecture);
        Ids = _graph.Input(ModelInputs.Ids, TensorType.I32(Dim.Tokens));
        _positions = _graph.Input(ModelInputs.Positions, TensorType.I32(Dim.Tokens));
        _slots = _graph.Input(ModelInputs.Slots, TensorType.I32(Dim.Tokens));
        _sequences = _graph.Input(ModelInputs.Sequences, TensorType.I32(Dim.Tokens));
        _blockTable = _graph.Input(ModelInputs.BlockTable, TensorType.I32(Dim.Sequences, Dim.Blocks));
        OutputRows = _graph.Input(ModelInputs.OutputRows, TensorType.I32(Dim.Outputs));
        _ropeFactors = RopeFactors();
    }

    internal ModelConfig Config { get; }

    Value Ids { get; }

    Value OutputRows { get; }

    /// <summary>The layers in order, each with its own scope of names.</summary>
    internal IEnumerable<int> Layers()
    {
        for (_layer = 0; _layer < Config.Layers; _layer++)
        {
            _scope = $"blk.{_layer}.";
            _graph.Enter(_scope);
            yield return _layer;
        }

        _scope = "";
        _graph.Enter(_scope);
    }

    /// <summary>The tokens' rows of the embedding table: [tokens, hidden].</summary>
    internal Value Embed() => _graph.Apply("embedding", new GatherRows(), Weight("token_embd.weight", Config.Vocab, Config.Hidden), Ids);

    /// <summary>RMS norm with the layer's weight of that name.</summary>
    internal Value Norm(string name, Value x) =>
        _graph.Apply(name, new RmsNorm(Config.NormEpsilon), x, Weight($"{name}.weight", x.Type.Shape.Last.Size));

    /// <summary>x + branch.</summary>
    internal Value Residual(string name, Value x, Value branch) => _graph.Apply(name, new Add(), x, branch);

    /// <summary>
    /// Self-attention over the layer's KV memory: projections (split or fused, with bias where the file has one), norms
    /// of each query and key head where it has them, rotary positions, KV write, attention, output projection.
    /// </summary>
    internal Value Attention(Value x)
    {
        (int heads, int kvHeads, int headDim) = (Config.Heads, Config.KvHeads, Config.HeadDim);
        Value queries = Heads("q", x, heads, firstRow: 0);
        Value keys = Heads("k", x, kvHeads, firstRow: heads * headDim);
        Value values = Heads("v", x, kvHeads, firstRow: (heads + kvHeads) * headDim);
        queries = Rotate("q_rope", HeadNorm("attn_q_norm", queries));
        keys = Rotate("k_rope", HeadNorm("attn_k_norm", keys));
        Value keyMemory = Remember("keys", KvPart.Keys, keys);
        Value valueMemory = Remember("values", KvPart.Values, values);
        Value attended = _graph.Apply(
            "attn",
            new PagedAttention(1 / MathF.Sqrt(headDim), _options.BlockTokens, Config.SlidingWindow),
            queries,
            keyMemory,
            valueMemory,
            _positions,
            _sequences,
            _blockTable);
        Value rows = _graph.Apply("attn_rows", new Reshape(new Shape(Dim.Tokens, heads * headDim)), attended);
        return Linear("attn_output", rows, Config.Hidden);
    }

    /// <summary>The gated network W_down(SiLU(W_gate x) · W_up x); gate and up split, or fused in ffn_up with the gate first.</summary>
    internal Value GatedFfn(Value x) => Gated(x, "", Config.Inner);

    /// <summary>The experts that the router chooses for each token, and the shared ones.</summary>
    internal Value ExpertFfn(Value x, RouterScoring scoring)
    {
        ExpertsConfig experts = Config.Experts!;
        Value logits = _graph.Apply("router_logits", new MatMul(), x, Weight("ffn_gate_inp.weight", experts.Count, Config.Hidden));
        Router router = new(scoring, experts.Used, experts.Renormalise, experts.Scale);
        bool biased = _weights.TryGet(_scope + "exp_probs_b.bias", out _);
        var routed = biased
            ? _graph.ApplyMany("router", router, logits, Weight("exp_probs_b.bias", experts.Count))
            : _graph.ApplyMany("router", router, logits);
        (Value chosen, Value shares) = (routed[0], routed[1]);
        Value gate = _graph.Apply("exps_gate", new ExpertMatMul(), x, Weight("ffn_gate_exps.weight", experts.Count, experts.Inner, Config.Hidden), chosen);
        Value up = _graph.Apply("exps_up", new ExpertMatMul(), x, Weight("ffn_up_exps.weight", experts.Count, experts.Inner, Config.Hidden), chosen);
        Value active = _graph.Apply("exps_silu", new Activate(Activation.Silu), gate);
        Value product = _graph.Apply("exps_product", new Multiply(), active, up);
        Value down = _graph.Apply("exps_down", new ExpertMatMul(), product, Weight("ffn_down_exps.weight", experts.Count, Config.Hidden, experts.Inner), chosen);
        Value combined = _graph.Apply("exps", new CombineExperts(), down, shares);
        return experts.SharedInner == 0 ? combined : Residual("exps_shared", combined, Gated(x, "_shexp", experts.SharedInner));
    }

    /// <summary>
    /// Ends the graph: final norm and output projection of the rows whose logits are wanted, [outputs, vocab], or the final
    /// norm of all, [tokens, hidden].
    /// </summary>
    internal ModelGraph Finish(Value x)
    {
        if (_options.EndsHidden)
        {
            _graph.Output(Norm(ModelInputs.Hidden, x));
            return _graph.Build();
        }

        Value wanted = _graph.Apply("output_rows", new GatherRows(), x, OutputRows);
        Value normed = Norm("output_norm", wanted);
        string projection = _weights.TryGet("output.weight", out _) ? "output.weight" : "token_embd.weight";
        Value logits = _graph.Apply(ModelInputs.Logits, new MatMul(), normed, Weight(projection, Config.Vocab, Config.Hidden));
        _graph.Output(logits);
        return _graph.Build();
    }

    Value Gated(Value x, string suffix, int inner)
    {
        bool fused = !_weights.TryGet($"{_scope}ffn_gate{suffix}.weight", out _);
        string gateName = fused ? $"ffn_up{suffix}" : $"ffn_gate{suffix}";
        Value gate = _graph.Apply($"gate{suffix}", new MatMul(), x, WeightRows($"{gateName}.weight", 0, inner, fused ? 2 * inner : inner, Config.Hidden));
        Value up = _graph.Apply($"up{suffix}", new MatMul(), x, WeightRows($"ffn_up{suffix}.weight", fused ? inner : 0, inner, fused ? 2 * inner : inner, Config.Hidden));
        Value active = _graph.Apply($"silu{suffix}", new Activate(Activation.Silu), gate);
        Value product = _graph.Apply($"product{suffix}", new Multiply(), active, up);
        return Linear($"ffn_down{suffix}", product, Config.Hidden);
    }

    /// <summary>One of the three projections as heads: rows of a fused attn_qkv if the file has it, else its own weight.</summary>
    Value Heads(string letter, Value x, int heads, int firstRow)
    {
        int rows = heads * Config.HeadDim;
        bool fused = _weights.TryGet(_scope + "attn_qkv.weight", out _);
        string name = fused ? "attn_qkv" : $"attn_{letter}";
        int allRows = fused ? (Config.Heads + (2 * Config.KvHeads)) * Config.HeadDim : rows;
        int start = fused ? firstRow : 0;
        Value y = _graph.Apply($"attn_{letter}", new MatMul(), x, WeightRows($"{name}.weight", start, rows, allRows, Config.Hidden));
        if (_weights.TryGet($"{_scope}{name}.bias", out _))
        {
            y = _graph.Apply($"attn_{letter}_biased", new Add(), y, WeightRows($"{name}.bias", start, rows, allRows));
        }

        return _graph.Apply($"attn_{letter}_heads", new Reshape(new Shape(Dim.Tokens, heads, Config.HeadDim)), y);
    }

    Value HeadNorm(string name, Value heads) => _weights.TryGet($"{_scope}{name}.weight", out _) ? Norm(name, heads) : heads;

    Value Rotate(string name, Value heads)
    {
        Rope rope = new(Config.Rope.Pairing, Config.Rope.Dims, Config.Rope.Base, Config.Rope.PositionScale);
        return _ropeFactors is null
            ? _graph.Apply(name, rope, heads, _positions)
            : _graph.Apply(name, rope, heads, _positions, _ropeFactors);
    }

    Value Remember(string what, KvPart part, Value rows)
    {
        Value memory = _graph.State($"{_scope}{what}", KvLayout.StateType(_options.KvFormat, Config.KvHeads, _options.BlockTokens, Config.HeadDim));
        return _graph.Apply($"{what}_written", new KvWrite(part), memory, rows, _slots);
    }

    Value Linear(string name, Value x, int outputs)
    {
        Value y = _graph.Apply(name, new MatMul(), x, Weight($"{name}.weight", outputs, x.Type.Shape.Last.Size));
        return _weights.TryGet($"{_scope}{name}.bias", out _)
            ? _graph.Apply($"{name}_biased", new Add(), y, Weight($"{name}.bias", outputs))
            : y;
    }

    Value Weight(string name, params ReadOnlySpan<Dim> dims)
    {
        string full = _scope + name;
        return _graph.Weight(full, Checked(full, _weights.Get(full), new Shape(dims)));
    }

    Value WeightRows(string name, int start, int count, int allRows, params ReadOnlySpan<Dim> rest)
    {
        string full = _scope + name;
        Tensor whole = Checked(full, _weights.Get(full), new Shape([allRows, .. rest]));
        return count == allRows ? _graph.Weight(full, whole) : _graph.Weight($"{full}[{start}..{start + count}]", whole.Rows(start, count));
    }

    Tensor Checked(string name, Tensor weight, Shape shape)
    {
        // One-dimensional weights are added or multiplied elementwise, which is only defined on float32.
        Tensor plain = shape.Rank == 1 && weight.Format != TensorFormat.F32 ? Tensor.Of(weight.ToFloats(), [.. weight.Shape.Dims]) : weight;
        return plain.Shape == shape
            ? plain
            : throw new ModelFormatException(Config.Architecture, name, $"has the shape {plain.Shape}, but the configuration makes it {shape}.");
    }

    Value? RopeFactors()
    {
        if (_weights.TryGet("rope_freqs.weight", out Tensor? given))
        {
            return _graph.Weight("rope_freqs.weight", Checked("rope_freqs.weight", given, new Shape(Config.Rope.Dims / 2)));
        }

        return Config.Rope.Llama3 is { } scaling
            ? _graph.Weight("rope_freqs.weight", Tensor.Of(scaling.Factors(Config.Rope), Config.Rope.Dims / 2))
            : null;
    }
}
