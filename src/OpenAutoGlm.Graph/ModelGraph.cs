using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>Where the elements of a value come from.</summary>
public enum ValueKind
{
    /// <summary>Given anew for every run: token ids, positions.</summary>
    Input,

    /// <summary>Memory that outlives a run and is updated in place: keys and values.</summary>
    State,

    /// <summary>A constant: a weight.</summary>
    Weight,

    /// <summary>What a node computes.</summary>
    Computed,
}

/// <summary>Something that has a type and exactly one origin. Values are compared by identity.</summary>
public sealed class Value
{
    internal Value(int index, string name, TensorType type, ValueKind kind, Tensor? constant)
    {
        Index = index;
        Name = name;
        Type = type;
        Kind = kind;
        Constant = constant;
    }

    /// <summary>Position in <see cref="ModelGraph.Values"/>.</summary>
    public int Index { get; }

    /// <summary>Unique in the graph.</summary>
    public string Name { get; }

    /// <summary>Shape and format.</summary>
    public TensorType Type { get; }

    /// <summary>Where the elements come from.</summary>
    public ValueKind Kind { get; }

    /// <summary>The elements of a weight; null for every other kind.</summary>
    public Tensor? Constant { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Type}";
}

/// <summary>One application of an op.</summary>
public sealed record Node(Op Op, ImmutableArray<Value> Inputs, ImmutableArray<Value> Outputs)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{string.Join(", ", Outputs)} = {Op}({string.Join(", ", Inputs.Select(input => input.Name))})";
}

/// <summary>
/// A model as a list of nodes in an order in which they can run. Immutable; made by <see cref="GraphBuilder"/>,
/// checked by <see cref="GraphVerifier"/>, turned into a <see cref="Plan"/> by an <see cref="IBackend"/>.
/// </summary>
public sealed record ModelGraph(string Name, ImmutableArray<Value> Values, ImmutableArray<Node> Nodes, ImmutableArray<Value> Outputs)
{
    /// <summary>Values of one kind.</summary>
    public IEnumerable<Value> OfKind(ValueKind kind) => Values.Where(value => value.Kind == kind);

    /// <summary>The value of a name.</summary>
    /// <exception cref="KeyNotFoundException">No value has the name.</exception>
    public Value this[string name] =>
        Values.FirstOrDefault(value => value.Name == name) ?? throw new KeyNotFoundException($"Graph {Name} has no value '{name}'.");

    /// <summary>The graph as text, a line a node.</summary>
    public string Print()
    {
        StringBuilder text = new();
        foreach (Node node in Nodes)
        {
            text.Append(node).Append('\n');
        }

        return text.ToString();
    }
}
