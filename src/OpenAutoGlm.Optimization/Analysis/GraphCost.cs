using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>
/// What one token costs in a language model's graph, whatever the machine: read off the graph's nodes, so that it
/// holds for every architecture, experts included.
/// </summary>
public sealed record GraphCost
{
    /// <summary>Bytes of all weights.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Elements of all weights.</summary>
    public required long Parameters { get; init; }

    /// <summary>Elements of the weights that one token meets: all but the experts it does not visit and the other rows of the embedding.</summary>
    public required long ActiveParameters { get; init; }

    /// <summary>Bytes of weights read to decode one token alone.</summary>
    public required long BytesPerToken { get; init; }

    /// <summary>Multiplies and adds in the matrix products of one token whose logits are wanted.</summary>
    public required long OperationsPerToken { get; init; }

    /// <summary>Of those, the ones spent on logits: in prefill they are paid once and not for every token.</summary>
    public required long LogitOperations { get; init; }

    /// <summary>Bytes of keys and values that one token adds to memory.</summary>
    public required long KvBytesPerToken { get; init; }

    /// <summary>Reads the costs off a graph.</summary>
    public static GraphCost Of(ModelGraph graph)
    {
        long bytesPerToken = 0;
        long active = 0;
        long operations = 0;
        long logitOperations = 0;
        foreach (Node node in graph.Nodes)
        {
            foreach (Tensor weight in node.Inputs.Where(input => input.Constant is not null).Select(input => input.Constant!))
            {
                double share = node.Op switch
                {
                    GatherRows => 1.0 / weight.Shape[0].Size,
                    ExpertMatMul => (double)node.Outputs[0].Type.Shape[1].Size / weight.Shape[0].Size,
                    _ => 1,
                };
                long elements = (long)(weight.Shape.ElementCount * share);
                bytesPerToken += (long)(weight.Bytes * share);
                active += elements;
                if (node.Op is MatMul or ExpertMatMul)
                {
                    operations += 2 * elements;
                    logitOperations += node.Outputs[0].Type.Shape[0] == Dim.Outputs ? 2 * elements : 0;
                }
            }
        }

        Tensor[] weights = [.. graph.OfKind(ValueKind.Weight).Select(value => value.Constant!)];
        return new GraphCost
        {
            WeightBytes = weights.Sum(weight => weight.Bytes),
            Parameters = weights.Sum(weight => weight.Shape.ElementCount),
            ActiveParameters = active,
            BytesPerToken = bytesPerToken,
            OperationsPerToken = operations,
            LogitOperations = logitOperations,
            KvBytesPerToken = KvLayout.BytesPerToken(graph),
        };
    }

    /// <summary>Tokens per second that decoding one sequence cannot exceed at a depth: bandwidth ÷ bytes of weights and KV read.</summary>
    public double DecodeFloor(MachineLimits machine, int depth = 0) => machine.ReadBytesPerSecond / (BytesPerToken + ((double)depth * KvBytesPerToken));

    /// <summary>Tokens per second that prefill cannot exceed: arithmetic rate ÷ operations of a token without logits.</summary>
    public double PrefillFloor(MachineLimits machine) => machine.OperationsPerSecond / (OperationsPerToken - LogitOperations);
}
