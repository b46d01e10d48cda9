using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Graph.Passes;

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
    readonly FrozenDictionary<Value, int> _source;
    readonly FrozenSet<int> _handedOver; // values that are nowhere as they are

    /// <summary>Puts steps together and lays out the memory between them.</summary>
    /// <param name="graph">The graph that the steps compute.</param>
    /// <param name="limits">The largest sizes.</param>
    /// <param name="steps">A kernel for every node, in order.</param>
    /// <param name="shared">What the kernels share, repacked weights for example; the plan takes it over.</param>
    /// <param name="passes">What passes made of the source; null where none ran.</param>
    /// <param name="source">The graph that the passes began with: its values stay good for binding and reading, by their names.</param>
    public Plan(ModelGraph graph, PlanLimits limits, ImmutableArray<PlanStep> steps, IDisposable? shared = null, PassReport? passes = null, ModelGraph? source = null)
    {
        _shared = shared;
        Graph = graph;
        Limits = limits;
        Steps = steps;
        Passes = passes;
        _handedOver = steps.SelectMany(step => step.Node.Outputs.Where((_, i) => !step.Kernel.Keeps(i))).Select(value => value.Index).ToFrozenSet();
        Arena = ArenaLayout.Of(graph, [.. steps.Select(step => step.Node)], limits, _handedOver);
        Dictionary<string, Value> names = graph.Values.ToDictionary(value => value.Name);
        _source = (source is null || ReferenceEquals(source, graph) ? [] : source.Values)
            .Where(value => names.TryGetValue(value.Name, out Value? same) && same.Type == value.Type)
            .ToFrozenDictionary(value => value, value => names[value.Name].Index);
    }

    /// <summary>The graph that the plan computes.</summary>
    public ModelGraph Graph { get; }

    /// <summary>The largest sizes that the plan is ready for.</summary>
    public PlanLimits Limits { get; }

    /// <summary>What runs, in order.</summary>
    public ImmutableArray<PlanStep> Steps { get; }

    /// <summary>What passes made of the source graph; null where none ran.</summary>
    public PassReport? Passes { get; }

    /// <summary>Where the values between the steps lie.</summary>
    public ArenaLayout Arena { get; }

    /// <summary>What the kernels share and the plan disposes; null where there is nothing.</summary>
    public IDisposable? Shared => _shared;

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

    /// <summary>Where a value stands in <see cref="ModelGraph.Values"/> of the plan's graph; values of the source graph are found by name.</summary>
    /// <exception cref="KeyNotFoundException">A pass has fused the value away, or it belongs to another graph.</exception>
    internal int IndexOf(Value value)
    {
        int index = value.Index < Graph.Values.Length && ReferenceEquals(Graph.Values[value.Index], value) ? value.Index : _source.GetValueOrDefault(value, -1);
        return index < 0 ? throw new KeyNotFoundException($"The plan of {Graph.Name} has no value {value}: a pass has fused it with its neighbours, or it belongs to another graph.")
            : _handedOver.Contains(index) ? throw new KeyNotFoundException($"The plan of {Graph.Name} does not keep the value {value}: the pass gate-hand-over hands it to the product that reads it. Switch the pass off to see it.")
            : index;
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
