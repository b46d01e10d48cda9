using System.Collections.Immutable;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>
/// Checks the rules that every graph keeps, when it is built and after every pass: each value has one origin and is
/// used only after it, types are what the op's shape rule says, weights have elements, names and indices are unique,
/// and memory updated in place is not read through an older name afterwards.
/// </summary>
public static class GraphVerifier
{
    /// <summary>Checks a graph.</summary>
    /// <exception cref="GraphException">A rule is broken; the message names the node or value.</exception>
    public static void Verify(ModelGraph graph)
    {
        HashSet<string> names = [];
        for (int i = 0; i < graph.Values.Length; i++)
        {
            Value value = graph.Values[i];
            if (value.Index != i)
            {
                throw Broken(graph, $"value {value} has index {value.Index} but stands at {i}");
            }

            if (!names.Add(value.Name))
            {
                throw Broken(graph, $"two values are called '{value.Name}'");
            }

            if ((value.Kind == ValueKind.Weight) != (value.Constant is not null))
            {
                throw Broken(graph, $"value {value} is {value.Kind} and {(value.Constant is null ? "has no" : "has")} elements");
            }

            if (value.Constant is { } constant && constant.Type != value.Type)
            {
                throw Broken(graph, $"weight {value} holds {constant.Type}");
            }
        }

        bool[] exists = new bool[graph.Values.Length];
        bool[] stale = new bool[graph.Values.Length];
        bool[] inState = new bool[graph.Values.Length];
        foreach (Value value in graph.Values)
        {
            exists[value.Index] = value.Kind != ValueKind.Computed;
            inState[value.Index] = value.Kind == ValueKind.State;
        }

        foreach (Node node in graph.Nodes)
        {
            Verify(graph, node, exists, stale, inState);
        }

        foreach (Value output in graph.Outputs)
        {
            if (!Known(graph, output) || !exists[output.Index])
            {
                throw Broken(graph, $"the output '{output.Name}' is never computed");
            }
        }

        int missing = Array.IndexOf(exists, false);
        if (missing >= 0)
        {
            throw Broken(graph, $"'{graph.Values[missing]}' has no origin");
        }
    }

    static void Verify(ModelGraph graph, Node node, bool[] exists, bool[] stale, bool[] inState)
    {
        TensorType[] types = new TensorType[node.Inputs.Length];
        for (int i = 0; i < types.Length; i++)
        {
            Value input = node.Inputs[i];
            types[i] = input.Type;
            if (!Known(graph, input) || !exists[input.Index])
            {
                throw Broken(graph, $"'{input.Name}' is used before it exists, in: {node}");
            }

            if (stale[input.Index])
            {
                throw Broken(graph, $"'{input.Name}' was updated in place and is read under its old name, in: {node}");
            }
        }

        ImmutableArray<TensorType> inferred = node.Op.Infer(types);
        if (!inferred.SequenceEqual(node.Outputs.Select(output => output.Type)))
        {
            throw Broken(graph, $"the shape rule gives {string.Join(", ", inferred)}, in: {node}");
        }

        for (int i = 0; i < node.Outputs.Length; i++)
        {
            Value output = node.Outputs[i];
            if (!Known(graph, output) || output.Kind != ValueKind.Computed || exists[output.Index])
            {
                throw Broken(graph, $"'{output.Name}' is assigned twice, in: {node}");
            }

            exists[output.Index] = true;
            if (node.Op.AliasOf(i) is { } alias && inState[node.Inputs[alias].Index])
            {
                inState[output.Index] = true;
                stale[node.Inputs[alias].Index] = true;
            }
        }
    }

    static bool Known(ModelGraph graph, Value value) => value.Index < graph.Values.Length && ReferenceEquals(graph.Values[value.Index], value);

    static GraphException Broken(ModelGraph graph, string rule) => new($"{graph.Name}: {rule}.");
}
