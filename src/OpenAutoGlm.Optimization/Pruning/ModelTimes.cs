using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>What a model takes: bytes of its weights, and seconds that a machine needs at least, node by node.</summary>
/// <param name="WeightBytes">Bytes of all weights.</param>
/// <param name="KvBytesPerToken">Bytes of keys and values of a token.</param>
/// <param name="DecodeSeconds">A token of one sequence behind 512 others.</param>
/// <param name="PrefillSeconds">A prompt of 512 tokens.</param>
public readonly record struct ModelTimes(long WeightBytes, long KvBytesPerToken, double DecodeSeconds, double PrefillSeconds)
{
    const int Depth = 512;

    /// <summary>The estimate for a model on a machine.</summary>
    public static ModelTimes Of(ModelConfig config, IWeights weights, MachineLimits machine)
    {
        ModelGraph graph = Architecture.Build(config, weights, new GraphOptions());
        double Seconds(StepSizes sizes) => graph.Nodes.Where(node => node.Op is not Reshape).Sum(node => StepCost.Of(node, sizes).Seconds(machine));
        GraphCost cost = GraphCost.Of(graph);
        return new ModelTimes(cost.WeightBytes, cost.KvBytesPerToken, Seconds(new StepSizes(1, 1, Depth, 1)), Seconds(new StepSizes(1, Depth, 0, 1)));
    }
}
