namespace OpenAutoGlm.Graph;

/// <summary>
/// The backend that defines what is correct: every node runs as its op's scalar reference, in float32 with float64
/// sums over dequantised weights. Slow on purpose; everything else is compared with it.
/// </summary>
public sealed class ReferenceInterpreter : IBackend
{
    /// <inheritdoc/>
    public string Name => "reference";

    /// <inheritdoc/>
    public string Description => "scalar reference, float64 sums, 1 thread";

    /// <inheritdoc/>
    public Plan Lower(ModelGraph graph, PlanLimits limits)
    {
        GraphVerifier.Verify(graph);
        return new Plan(graph, limits, [.. graph.Nodes.Select(node => new PlanStep(node, new ReferenceKernel(node.Op)))]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
