using System.Collections.Immutable;
using OpenAutoGlm.Graph.Passes.Cleaning;
using OpenAutoGlm.Graph.Passes.Fusion;

namespace OpenAutoGlm.Graph.Passes;

/// <summary>
/// The passes in their order, any of them switched off by name. The graph is verified after each. Whoever runs the
/// result needs kernels for the fused ops, or takes their references.
/// </summary>
public sealed class PassPipeline
{
    /// <summary>The name that switches off every pass.</summary>
    public const string EveryPass = "all";

    readonly ImmutableArray<(IGraphPass Pass, bool Enabled)> _passes;

    /// <summary>A pipeline without some passes.</summary>
    /// <exception cref="ArgumentException">There is no pass of such a name; the message lists all.</exception>
    public PassPipeline(params IEnumerable<string> disabled)
    {
        HashSet<string> off = new(disabled, StringComparer.OrdinalIgnoreCase);
        foreach (string name in off.Where(name => !name.Equals(EveryPass, StringComparison.OrdinalIgnoreCase) && All.All(pass => !pass.Name.Equals(name, StringComparison.OrdinalIgnoreCase))))
        {
            throw new ArgumentException($"There is no pass '{name}'; there are {string.Join(", ", All.Select(pass => pass.Name))}, and '{EveryPass}' for every one.", nameof(disabled));
        }

        _passes = [.. All.Select(pass => (pass, !off.Contains(EveryPass) && !off.Contains(pass.Name)))];
    }

    /// <summary>Every pass in its order: first those that clean up, then those that fuse.</summary>
    public static ImmutableArray<IGraphPass> All { get; } =
    [
        new FoldConstants(),
        new RemoveNoOps(),
        new MergeEqual(),
        new RemoveDead(),
        new MergeQkv(),
        new MergeGateUp(),
        new BiasEdge(),
        new GateEdge(),
        new HeadNormEdge(),
        new RopeEdge(),
        new KvWriteEdge(),
        new ExpertGateUp(),
        new ExpertCombine(),
        new RouterLogits(),
        new ResidualEdge(),
        new PostNormResidual(),
        new ResidualNormRows(),
        new GatherNormRows(),
        new NormPrologue(),
        new GateHandOver(),
    ];

    /// <summary>Applies the passes.</summary>
    /// <exception cref="GraphException">The graph breaks a rule, or a pass has broken one; the message says which pass.</exception>
    public (ModelGraph Graph, PassReport Report) Run(ModelGraph graph, PlanLimits limits)
    {
        GraphVerifier.Verify(graph);
        GraphSize before = GraphSize.Of(graph, limits);
        GraphSize size = before;
        ImmutableArray<PassEntry>.Builder entries = ImmutableArray.CreateBuilder<PassEntry>(_passes.Length);
        foreach ((IGraphPass pass, bool enabled) in _passes)
        {
            int fired = 0;
            if (enabled)
            {
                (graph, fired) = Applied(pass, graph);
                size = fired == 0 ? size : GraphSize.Of(graph, limits);
            }

            entries.Add(new PassEntry(pass.Name, pass.Description, enabled, fired, size));
        }

        return (graph, new PassReport(before, entries.ToImmutable()));
    }

    static PassResult Applied(IGraphPass pass, ModelGraph graph)
    {
        PassResult result = pass.Apply(graph);
        if (result.Fired > 0)
        {
            try
            {
                GraphVerifier.Verify(result.Graph);
            }
            catch (GraphException error)
            {
                throw new GraphException($"The pass {pass.Name} has broken the graph: {error.Message}");
            }
        }

        return result;
    }
}
