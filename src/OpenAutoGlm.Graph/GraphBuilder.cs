using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>Builds a <see cref="ModelGraph"/> node by node; shapes are inferred, and refused when they do not fit.</summary>
public sealed class GraphBuilder(string name)
{
    readonly List<Value> _values = [];
    readonly List<Node> _nodes = [];
    readonly List<Value> _outputs = [];
    readonly HashSet<string> _names = [];
    readonly Dictionary<string, Value> _weights = [];
    string _scope = "";

    /// <summary>Puts a prefix before the names of the nodes to come, for example "blk.3.".</summary>
    public void Enter(string scope) => _scope = scope;

    /// <summary>Declares an input of the run.</summary>
    public Value Input(string inputName, TensorType type) => Declare(inputName, type, ValueKind.Input);

    /// <summary>Declares memory that outlives the run.</summary>
    public Value State(string stateName, TensorType type) => Declare(stateName, type, ValueKind.State);

    /// <summary>Declares a weight. Asked for again by its name, it is the same value: tied embeddings are one weight.</summary>
    /// <exception cref="GraphException">The name belongs to a weight of another type.</exception>
    public Value Weight(string weightName, Tensor tensor)
    {
        if (!_weights.TryGetValue(weightName, out Value? value))
        {
            value = Declare(weightName, tensor.Type, ValueKind.Weight, tensor);
            _weights.Add(weightName, value);
        }

        return value.Type == tensor.Type
            ? value
            : throw new GraphException($"{name}: the weight '{weightName}' is {value.Type}, and cannot also be {tensor.Type}.");
    }

    /// <summary>Applies an op with one output.</summary>
    /// <exception cref="GraphException">The inputs do not fit the op.</exception>
    public Value Apply(string nodeName, Op op, params ReadOnlySpan<Value> inputs) => ApplyMany(nodeName, op, inputs)[0];

    /// <summary>Applies an op. A second output is called after the first, with ".1" behind, and so on.</summary>
    /// <exception cref="GraphException">The inputs do not fit the op.</exception>
    public ImmutableArray<Value> ApplyMany(string nodeName, Op op, params ReadOnlySpan<Value> inputs)
    {
        TensorType[] types = new TensorType[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            types[i] = inputs[i].Type;
        }

        ImmutableArray<TensorType> inferred;
        try
        {
            inferred = op.Infer(types);
        }
        catch (GraphException error)
        {
            throw new GraphException($"{name}: {_scope}{nodeName}: {error.Message}");
        }

        ImmutableArray<Value> outputs = [.. inferred.Select((type, i) => Declare(_scope + nodeName + (i == 0 ? "" : $".{i}"), type, ValueKind.Computed))];
        _nodes.Add(new Node(op, [.. inputs], outputs));
        return outputs;
    }

    /// <summary>Makes a value an output of the graph.</summary>
    public void Output(Value value) => _outputs.Add(value);

    /// <summary>The finished graph, verified.</summary>
    public ModelGraph Build()
    {
        ModelGraph graph = new(name, [.. _values], [.. _nodes], [.. _outputs]);
        GraphVerifier.Verify(graph);
        return graph;
    }

    Value Declare(string valueName, TensorType type, ValueKind kind, Tensor? constant = null)
    {
        if (!_names.Add(valueName))
        {
            throw new GraphException($"{name}: the name '{valueName}' is taken.");
        }

        Value value = new(_values.Count, valueName, type, kind, constant);
        _values.Add(value);
        return value;
    }
}
