using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// Who writes into the residual stream of a model and who reads from it: what has to turn when the stream is turned. Readers
/// must stand behind a plain RMS norm, whose weight can be folded into them, and writers must be matrices.
/// </summary>
sealed class ResidualStream
{
    readonly HashSet<Value> _stream = [];
    readonly ModelGraph _graph;

    ResidualStream(ModelGraph graph) => _graph = graph;

    /// <summary>The embedding table.</summary>
    public string Embedding { get; private set; } = "";

    /// <summary>Norms and the matrices that read what each gives.</summary>
    public List<(WeightRows Norm, List<WeightRows> Matrices)> Readers { get; } = [];

    /// <summary>Matrices whose outputs are added to the stream.</summary>
    public List<WeightRows> Writers { get; } = [];

    /// <summary>Biases that are added with them.</summary>
    public List<WeightRows> Biases { get; } = [];

    /// <summary>Follows the stream through a graph; gives why it cannot be turned where that is so.</summary>
    public static ResidualStream? Of(ModelGraph graph, out string reason)
    {
        ResidualStream stream = new(graph);
        reason = graph.Nodes.Select(stream.Follow).FirstOrDefault(refused => refused is not null)
            ?? (stream.Readers.Count == 0 ? "nothing reads the embeddings." : "");
        return reason.Length == 0 ? stream : null;
    }

    string? Follow(Node node)
    {
        if (node.Op is GatherRows && (node.Inputs[0].Kind == ValueKind.Weight || _stream.Contains(node.Inputs[0])))
        {
            Embedding = node.Inputs[0].Kind == ValueKind.Weight ? node.Inputs[0].Name : Embedding;
            _stream.Add(node.Outputs[0]);
            return null;
        }

        if (!node.Inputs.Any(_stream.Contains))
        {
            return null;
        }

        return node.Op switch
        {
            RmsNorm => Read(node),
            Add => Write(node),
            _ => $"{node.Outputs[0].Name} ({node.Op}) reads the residual stream without a norm, and would see it turned.",
        };
    }

    string? Read(Node norm)
    {
        List<Node> users = [.. _graph.Nodes.Where(node => node.Inputs.Contains(norm.Outputs[0]))];
        if (users.FirstOrDefault(user => user.Op is not MatMul) is { } other)
        {
            return other.Op is ExpertMatMul
                ? $"{norm.Inputs[1].Name} feeds experts, which are not turned yet."
                : $"{norm.Inputs[1].Name} feeds {other.Outputs[0].Name} ({other.Op}), into which its weight cannot be folded.";
        }

        Readers.Add((WeightRows.Of(norm.Inputs[1]), [.. users.Select(user => WeightRows.Of(user.Inputs[1]))]));
        return null;
    }

    string? Write(Node sum)
    {
        Value branch = _stream.Contains(sum.Inputs[0]) ? sum.Inputs[1] : sum.Inputs[0];
        Node? maker = Maker(branch);
        if (maker?.Op is Add && maker.Inputs[1].Kind == ValueKind.Weight)
        {
            Biases.Add(WeightRows.Of(maker.Inputs[1]));
            maker = Maker(maker.Inputs[0]);
        }

        switch (maker?.Op)
        {
            case MatMul:
                Writers.Add(WeightRows.Of(maker.Inputs[1]));
                _stream.Add(sum.Outputs[0]);
                return null;
            case RmsNorm:
                return $"{maker.Inputs[1].Name} norms a branch before it is added to the residual stream; its weight acts on single channels, which a rotation mixes.";
            default:
                return $"{sum.Outputs[0].Name} adds what {maker?.Op.ToString() ?? "nobody"} makes, and only matrices can be turned.";
        }
    }

    Node? Maker(Value value) => _graph.Nodes.FirstOrDefault(node => node.Outputs.Contains(value));
}
