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
            Rule(value.Index == i, graph, $"value {value} has index {value.Index} but stands at {i}");
            Rule(names.Add(value.Name), graph, $"two values are called '{value.Name}'");
            Rule((value.Kind == ValueKind.Weight) == (value.Constant is not null), graph, $"value {value} is {value.Kind} and {(value.Constant is null ? "has no" : "has")} elements");
            Rule(value.Constant is null || value.Constant.Type == value.Type, graph, $"weight {value} holds {value.Constant?.Type}");
        }

        bool[] exists = new bool[graph.Values.Length];
        bool[] stale = new bool[graph.Values.Length];
        foreach (Value value in graph.Values.Where(value => value.Kind != ValueKind.Computed))
        {
            exists[value.Index] = true;
        }

        foreach (Node node in graph.Nodes)
        {
            foreach (Value input in node.Inputs)
            {
                Rule(Known(graph, input) && exists[input.Index], graph, $"'{input.Name}' is used before it exists, in: {node}");
                Rule(!stale[input.Index], graph, $"'{input.Name}' was updated in place and is read under its old name, in: {node}");
            }

            ImmutableArray<TensorType> types = node.Op.Infer([.. node.Inputs.Select(input => input.Type)]);
            Rule(types.SequenceEqual(node.Outputs.Select(output => output.Type)), graph, $"the shape rule gives {string.Join(", ", types)}, in: {node}");
            foreach (Value output in node.Outputs)
            {
                Rule(Known(graph, output) && output.Kind == ValueKind.Computed && !exists[output.Index], graph, $"'{output.Name}' is assigned twice, in: {node}");
                exists[output.Index] = true;
            }

            if (node.Op.Alias is { } alias && StateBehind(graph, node.Inputs[alias]))
            {
                stale[node.Inputs[alias].Index] = true;
            }
        }

        foreach (Value output in graph.Outputs)
        {
            Rule(Known(graph, output) && exists[output.Index], graph, $"the output '{output.Name}' is never computed");
        }

        Rule(exists.All(there => there), graph, $"'{graph.Values.Where((_, i) => !exists[i]).FirstOrDefault()}' has no origin");
    }

    static bool StateBehind(ModelGraph graph, Value value)
    {
        while (value.Kind == ValueKind.Computed)
        {
            Node? origin = graph.Nodes.FirstOrDefault(node => node.Outputs.Contains(value));
            if (origin?.Op.Alias is not { } alias)
            {
                return false;
            }

            value = origin.Inputs[alias];
        }

        return value.Kind == ValueKind.State;
    }

    static bool Known(ModelGraph graph, Value value) => value.Index < graph.Values.Length && ReferenceEquals(graph.Values[value.Index], value);

    static void Rule(bool holds, ModelGraph graph, string broken)
    {
        if (!holds)
        {
            throw new GraphException($"{graph.Name}: {broken}.");
        }
    }
}
