using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>
/// What a model's tests cannot exceed on a machine: reading takes weights once a step and keys and values once a token,
/// computing two operations for every weight and token.
/// </summary>
sealed class ModelFloors(GraphCost cost, long kvBytesPerToken, WeightFormat format, MachineSpeed machine)
{
    /// <summary>Operations per second of the way in which most weights are multiplied.</summary>
    public double OperationsPerSecond => format.Rate(machine);

    /// <summary>Bytes that a decoding step reads at least, half-way through the answer.</summary>
    public double BytesPerStep(BenchTest test) =>
        cost.BytesPerToken + (test.Sequences * (test.Depth + (test.Tokens / 2.0)) * kvBytesPerToken);

    /// <summary>Operations for each token.</summary>
    public double OperationsPerToken(BenchTest test) => test.Prefill ? cost.OperationsPerToken - cost.LogitOperations : cost.OperationsPerToken;

    /// <summary>Tokens per second at most, with the bandwidth that there was.</summary>
    public double TokensPerSecond(BenchTest test, double bytesPerSecond)
    {
        double computing = OperationsPerToken(test) / OperationsPerSecond;
        return test.Prefill ? 1 / computing : test.Sequences / Math.Max(BytesPerStep(test) / bytesPerSecond, test.Sequences * computing);
    }

    /// <summary>The costs of a graph.</summary>
    public static ModelFloors Of(ModelGraph graph, long kvBytesPerToken, MachineSpeed machine) =>
        new(GraphCost.Of(graph), kvBytesPerToken, WeightFormat.Of(graph), machine);
}
