using System.Collections.Frozen;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>
/// A device that can run graphs. A backend knows kernels and nothing of models: it picks a kernel for every node and
/// may lay the weights out anew for it.
/// </summary>
public interface IBackend : IDisposable
{
    /// <summary>The name that commands and reports use, for example "cpu".</summary>
    string Name { get; }

    /// <summary>What the backend found and uses: instruction sets, threads.</summary>
    string Description { get; }

    /// <summary>Picks a kernel for every node. The graph's weights must stay alive as long as the plan.</summary>
    /// <exception cref="NotSupportedException">No kernel does what a node asks.</exception>
    Plan Lower(ModelGraph graph, PlanLimits limits);

    /// <summary>Picks a kernel for every node as it stands, without any pass, so that every value of the graph can be seen while it runs.</summary>
    /// <exception cref="NotSupportedException">No kernel does what a node asks.</exception>
    Plan LowerPlain(ModelGraph graph, PlanLimits limits) => Lower(graph, limits);

    /// <summary>
    /// Picks kernels for another graph over the same weights, which need not be laid out twice. Its limits are those of the
    /// first plan, and it must be disposed before that one.
    /// </summary>
    /// <exception cref="NotSupportedException">No kernel does what a node asks.</exception>
    Plan LowerBeside(Plan first, ModelGraph graph) => Lower(graph, first.Limits);
}

/// <summary>The largest sizes that a plan must be ready for, one for every symbolic extent of the graph.</summary>
public sealed class PlanLimits(params ReadOnlySpan<(Dim Dim, int Most)> limits)
{
    readonly FrozenDictionary<string, int> _most =
        limits.ToArray().ToFrozenDictionary(limit => limit.Dim.Symbol ?? throw new ArgumentException($"{limit.Dim} is no symbol."), limit => limit.Most);

    /// <summary>The symbols, in ordinal order.</summary>
    public IEnumerable<string> Symbols => _most.Keys.Order(StringComparer.Ordinal);

    /// <summary>The largest size of an extent.</summary>
    /// <exception cref="KeyNotFoundException">There is no limit for the symbol.</exception>
    public int Of(Dim dim) => dim.IsConstant ? dim.Size
        : _most.TryGetValue(dim.Symbol!, out int most) ? most : throw new KeyNotFoundException($"There is no limit for the extent '{dim.Symbol}'.");
}
