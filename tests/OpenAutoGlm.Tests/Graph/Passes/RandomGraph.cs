using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Passes;

/// <summary>
/// Graphs of random ops, among them many that look like what passes fuse, whose values feed later ones at random and
/// come out at random.
/// </summary>
sealed class RandomGraph
{
    const int Width = 12;
    const int Heads = 3;
    const int Experts = 4;

    static readonly RmsNorm Norm = new(1e-5f);
    static readonly Rope Turn = new(RopePairing.Half, 4, 100);

    readonly Random _random;
    readonly GraphBuilder _graph;
    readonly List<Value> _rows = []; // [tokens, Width]
    readonly Value _positions;
    readonly Value _slots;
    int _weights;

    RandomGraph(int seed)
    {
        _random = new Random(seed);
        _graph = new GraphBuilder($"random {seed}");
        _rows.Add(_graph.Input("x", TensorType.F32(Dim.Tokens, Width)));
        _positions = _graph.Input("positions", TensorType.I32(Dim.Tokens));
        _slots = _graph.Input("slots", TensorType.I32(Dim.Tokens));
        _rows.Add(Products(Row())[0]);
    }

    public static PlanLimits Limits { get; } = new((Dim.Tokens, 4), (Dim.KvBlocks, 6));

    public static ModelGraph Of(int seed, int steps)
    {
        RandomGraph random = new(seed);
        for (int i = 0; i < steps; i++)
        {
            random.Step(i);
        }

        random._graph.Output(random._rows[^1]);
        return random._graph.Build();
    }

    /// <summary>Outputs and states after a run on fixed inputs.</summary>
    public static float[] Run(Plan plan, ModelGraph source)
    {
        using Execution execution = plan.CreateExecution();
        execution.SetSize(Dim.Tokens, 3);
        execution.SetSize(Dim.KvBlocks, 6);
        execution.Bind(source["x"], Tensor.Of([.. Enumerable.Range(0, 3 * Width).Select(i => MathF.Sin(i + 1))], 3, Width));
        execution.Bind(source["positions"], Tensor.Of([4, 5, 6], 3));
        execution.Bind(source["slots"], Tensor.Of([5, 0, 2], 3));
        List<Tensor> states = [];
        foreach (Value state in source.OfKind(ValueKind.State))
        {
            states.Add(Tensor.Allocate(state.Type.Format, [6, .. state.Type.Shape.Dims.AsSpan()[1..]]));
            execution.Bind(state, states[^1]);
        }

        execution.Run();
        return [.. source.Outputs.SelectMany(output => execution[output].Floats.ToArray()), .. states.SelectMany(state => state.ToFloats())];
    }

    void Step(int i)
    {
        _graph.Enter($"{i}.");
        Value x = Row();
        Value y = _random.Next(14) switch
        {
            0 => _graph.Apply("sum", new Add(), x, Row()),
            1 => _graph.Apply("biased", new Add(), x, Weight(Width)),
            2 => _graph.Apply("normed", Norm, x, Weight(Width)),
            3 or 4 => Products(x)[0],
            5 => _graph.Apply("residual", new Add(), x, Products(Row())[0]),
            6 => Gated(x),
            7 => Attention(x),
            8 => _graph.Apply("scaled", new Scale(_random.Next(3)), x),
            9 => _graph.Apply("product", new Multiply(), _graph.Apply("active", new Activate(Activation.Silu), x), Row()),
            10 => _graph.Apply("post", new Add(), x, _graph.Apply("branch", Norm, Row(), Weight(Width))),
            11 => _graph.Apply("flat", new Reshape(new Shape(Dim.Tokens, Width)), _graph.Apply("view", new Reshape(new Shape(Dim.Tokens, 2, Width / 2)), x)),
            12 => Mixture(x),
            _ => _graph.Apply("constant", new Add(), x, _graph.Apply("folded", new Multiply(), Weight(Width), Weight(Width))),
        };
        _rows.Add(y);
        if (_random.Next(8) == 0)
        {
            _graph.Output(y);
        }
    }

    Value Row() => _rows[_random.Next(Math.Max(0, _rows.Count - 4), _rows.Count)];

    /// <summary>One to three products over the same rows, some with a bias.</summary>
    ImmutableArray<Value> Products(Value x) =>
    [
        .. Enumerable.Range(0, _random.Next(1, 4)).Select(i =>
        {
            Value y = _graph.Apply($"y{i}", new MatMul(), x, Weight(Width, Width));
            return _random.Next(2) == 0 ? y : _graph.Apply($"b{i}", new Add(), y, Weight(Width));
        }),
    ];

    Value Gated(Value x)
    {
        Value gate = _graph.Apply("gate", new MatMul(), x, Weight(Width, Width));
        Value up = _graph.Apply("up", new MatMul(), x, Weight(Width, Width));
        _rows.Add(_random.Next(3) == 0 ? gate : up);
        Value active = _graph.Apply("active", new Activate(Activation.GeluTanh), gate);
        return _graph.Apply("down", new MatMul(), _random.Next(2) == 0 ? _graph.Apply("g", new Multiply(), active, up) : _graph.Apply("g", new Multiply(), up, active), Weight(Width, Width));
    }

    Value Attention(Value x)
    {
        Shape shape = new(Dim.Tokens, Heads, Width / Heads);
        x = _random.Next(2) == 0 ? x : _graph.Apply("attn_norm", Norm, x, Weight(Width));
        ImmutableArray<Value> heads = [.. Products(x).Select((rows, i) => _graph.Apply($"h{i}", new Reshape(shape), rows))];
        for (int i = 0; i < heads.Length; i++)
        {
            Value y = _random.Next(2) == 0 ? heads[i] : _graph.Apply($"n{i}", Norm, heads[i], Weight(Width / Heads));
            y = _random.Next(2) == 0 ? y : _graph.Apply($"r{i}", Turn, y, _positions);
            if (i > 0 && _random.Next(2) == 0)
            {
                Value state = _graph.State($"s{_weights++}", TensorType.F32(Dim.KvBlocks, Heads, 16, Width / Heads));
                _graph.Apply($"w{i}", new KvWrite(KvPart.Values), state, y, _slots);
            }

            heads = heads.SetItem(i, y);
        }

        return _graph.Apply("flat", new Reshape(new Shape(Dim.Tokens, Width)), heads[0]);
    }

    Value Mixture(Value x)
    {
        x = _random.Next(2) == 0 ? x : _graph.Apply("ffn_norm", Norm, x, Weight(Width));
        Value logits = _graph.Apply("logits", new MatMul(), x, Weight(Experts, Width));
        ImmutableArray<Value> routed = _graph.ApplyMany("router", new Router(RouterScoring.Sigmoid, 2, true, 1), logits, Weight(Experts));
        Value gate = _graph.Apply("gate", new ExpertMatMul(), x, Weight(Experts, Width, Width), routed[0]);
        Value up = _graph.Apply("up", new ExpertMatMul(), x, Weight(Experts, Width, Width), routed[0]);
        Value product = _graph.Apply("p", new Multiply(), _graph.Apply("active", new Activate(Activation.Silu), gate), _random.Next(4) == 0 ? gate : up);
        Value down = _graph.Apply("down", new ExpertMatMul(), product, Weight(Experts, Width, Width), routed[0]);
        Value combined = _graph.Apply("combined", new CombineExperts(), down, routed[1]);
        return _random.Next(2) == 0 ? combined : _graph.Apply("shared", new Add(), combined, Products(x)[0]);
    }

    Value Weight(params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Tensor.Allocate(Formats.TensorFormat.F32, dims);
        foreach (ref float value in tensor.View.Floats)
        {
            value = (float)((_random.NextDouble() * 2) - 1);
        }

        return _graph.Weight($"w{_weights++}", tensor);
    }
}
