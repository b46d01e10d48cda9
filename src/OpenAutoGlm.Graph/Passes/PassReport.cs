using System.Collections.Immutable;
using System.Text;

namespace OpenAutoGlm.Graph.Passes;

/// <summary>How large a graph is once it runs.</summary>
/// <param name="Kernels">Kernels that a run launches; a reshape is none.</param>
/// <param name="Values">Values that nodes compute.</param>
/// <param name="ArenaBytes">Memory between the kernels, at the largest sizes.</param>
public readonly record struct GraphSize(int Kernels, int Values, long ArenaBytes)
{
    /// <summary>Counts a graph whose nodes run in its order.</summary>
    public static GraphSize Of(ModelGraph graph, PlanLimits limits) => new(
        graph.Nodes.Count(node => node.Op.Launches),
        graph.Nodes.Sum(node => node.Outputs.Length),
        ArenaLayout.Of(graph, graph.Nodes, limits).Bytes);
}

/// <summary>What one pass did.</summary>
/// <param name="Name">The name by which it is switched off.</param>
/// <param name="Description">What it does, in a sentence.</param>
/// <param name="Enabled">Whether it ran.</param>
/// <param name="Fired">How often it found what it looks for.</param>
/// <param name="After">The graph when it was done.</param>
public sealed record PassEntry(string Name, string Description, bool Enabled, int Fired, GraphSize After);

/// <summary>What the passes made of a graph.</summary>
public sealed record PassReport(GraphSize Before, ImmutableArray<PassEntry> Passes)
{
    /// <summary>The graph when all passes were done.</summary>
    public GraphSize After => Passes.IsEmpty ? Before : Passes[^1].After;

    /// <summary>A line a pass: how often it fired, kernels and bytes after it.</summary>
    public string Print()
    {
        StringBuilder text = new();
        text.Append($"{"pass",-20} {"fired",6} {"kernels",8} {"values",8} {"arena bytes",14}\n");
        text.Append($"{"(before)",-20} {"",6} {Before.Kernels,8:N0} {Before.Values,8:N0} {Before.ArenaBytes,14:N0}\n");
        foreach (PassEntry pass in Passes)
        {
            string fired = pass.Enabled ? $"{pass.Fired:N0}" : "off";
            text.Append($"{pass.Name,-20} {fired,6} {pass.After.Kernels,8:N0} {pass.After.Values,8:N0} {pass.After.ArenaBytes,14:N0}\n");
        }

        text.Append($"kernels {(double)After.Kernels / Math.Max(1, Before.Kernels):P1}, arena {(double)After.ArenaBytes / Math.Max(1, Before.ArenaBytes):P1} of before\n");
        return text.ToString();
    }
}
