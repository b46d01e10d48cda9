using System.Collections.Immutable;
using System.Text;

namespace OpenAutoGlm.Graph;

/// <summary>One kernel and the node that it computes.</summary>
public readonly record struct PlanStep(Node Node, Kernel Kernel);

/// <summary>
/// A graph made ready for a device: a flat list of steps over one arena. Immutable; the memory of a run belongs to an
/// <see cref="Execution"/>. Disposing the plan disposes its kernels, and then what they share.
/// </summary>
public sealed class Plan : IDisposable
{
    readonly IDisposable? _shared;

    /// <summary>Puts steps together and lays out the memory between them.</summary>
    /// <param name="graph">What the steps compute.</param>
    /// <param name="limits">The largest sizes.</param>
    /// <param name="steps">A kernel for every node, in order.</param>
    /// <param name="shared">What the kernels share, repacked weights for example; the plan takes it over.</param>
    public Plan(ModelGraph graph, PlanLimits limits, ImmutableArray<PlanStep> steps, IDisposable? shared = null)
    {
        _shared = shared;
        Graph = graph;
        Limits = limits;
        Steps = steps;
        Arena = ArenaLayout.Of(graph, [.. steps.Select(step => step.Node)], limits);
    }

    /// <summary>The graph that the plan computes.</summary>
    public ModelGraph Graph { get; }

    /// <summary>The largest sizes that the plan is ready for.</summary>
    public PlanLimits Limits { get; }

    /// <summary>What runs, in order.</summary>
    public ImmutableArray<PlanStep> Steps { get; }

    /// <summary>Where the values between the steps lie.</summary>
    public ArenaLayout Arena { get; }

    /// <summary>New memory to run in. One execution runs one batch at a time; several may run side by side only if the backend says so.</summary>
    public Execution CreateExecution() => new(this);

    /// <summary>The plan as text: step, kernel, types.</summary>
    public string Print()
    {
        StringBuilder text = new();
        text.Append($"{Graph.Name}: {Steps.Length} steps, arena {Arena.Bytes:N0} bytes of {Arena.UnsharedBytes:N0} unshared\n");
        for (int i = 0; i < Steps.Length; i++)
        {
            text.Append($"{i,5}  {Steps[i].Kernel.Name,-28} {Steps[i].Node}\n");
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PlanStep step in Steps)
        {
            step.Kernel.Dispose();
        }

        _shared?.Dispose();
    }
}
