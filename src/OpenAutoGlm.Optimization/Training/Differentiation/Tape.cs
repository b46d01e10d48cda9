using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>The forward half of a training graph as it was written: its nodes, what is trained, and what is kept for the way back.</summary>
sealed class Tape(GraphBuilder graph, Checkpointing checkpointing)
{
    readonly List<Node> _nodes = [];
    readonly Dictionary<Value, Node> _origins = [];
    readonly Dictionary<Value, Value> _accumulators = [];
    readonly Dictionary<Value, Value> _straightThrough = [];
    readonly HashSet<Value> _active = [];
    readonly HashSet<Value> _crossing = [];

    /// <summary>The nodes in order.</summary>
    internal IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>What the gradients of the parameters end as, in the order in which the parameters were declared.</summary>
    internal IEnumerable<Value> Accumulators => _accumulators.Values;

    /// <summary>Declares a parameter: a state, and the state that its gradient is added to.</summary>
    internal void Parameter(Value weight, Value gradient)
    {
        _accumulators.Add(weight, gradient);
        _active.Add(weight);
    }

    /// <summary>Says that a value is a parameter in another guise, whose gradient is the parameter's as it is.</summary>
    internal void Stands(Value value, Value parameter) => _straightThrough.Add(value, parameter);

    /// <summary>Applies an op and remembers it.</summary>
    internal Value Apply(string name, Op op, params ReadOnlySpan<Value> inputs) => ApplyMany(name, op, inputs)[0];

    /// <summary>Applies an op with several outputs and remembers it.</summary>
    internal System.Collections.Immutable.ImmutableArray<Value> ApplyMany(string name, Op op, params ReadOnlySpan<Value> inputs)
    {
        var outputs = graph.ApplyMany(name, op, inputs);
        Node node = new(op, [.. inputs], outputs);
        _nodes.Add(node);
        bool active = node.Inputs.Any(_active.Contains);
        foreach (Value output in outputs)
        {
            _origins.Add(output, node);
            if (active)
            {
                _active.Add(output);
            }
        }

        foreach (Value input in node.Inputs)
        {
            if (_origins.TryGetValue(input, out Node? origin) && LayerOf(origin) != LayerOf(node))
            {
                _crossing.Add(input);
            }
        }

        return outputs;
    }

    internal bool Trains(Value value) => _active.Contains(value);

    internal Node Origin(Value value) => _origins[value];

    /// <summary>The value that a parameter's gradient has been added up in so far; null for other values.</summary>
    internal Value? Accumulator(Value value) => _accumulators.GetValueOrDefault(_straightThrough.GetValueOrDefault(value, value));

    /// <summary>Says under which name the sum goes on.</summary>
    internal void Accumulated(Value value, Value sum) => _accumulators[_straightThrough.GetValueOrDefault(value, value)] = sum;

    /// <summary>Whether a value is still in memory on the way back: all are, or those that pass from one layer to another.</summary>
    internal bool IsKept(Value value) =>
        checkpointing == Checkpointing.None || !_origins.TryGetValue(value, out Node? origin) || _crossing.Contains(value) || LayerOf(origin) is null;

    /// <summary>"blk.3." of "blk.3.attn_q"; null outside the layers.</summary>
    static string? LayerOf(Node node)
    {
        string name = node.Outputs[0].Name;
        int end = name.StartsWith("blk.", StringComparison.Ordinal) ? name.IndexOf('.', 4) : -1;
        return end < 0 ? null : name[..(end + 1)];
    }
}
