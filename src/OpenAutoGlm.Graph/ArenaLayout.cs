using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>
/// Where computed values lie in one piece of memory, so that values that never live at the same time may share bytes.
/// Values are placed in the order in which they appear, each at the lowest offset where nothing alive lies.
/// </summary>
public sealed class ArenaLayout
{
    const long Alignment = 64;

    ArenaLayout(ImmutableArray<long> offsets, long bytes, long unsharedBytes)
    {
        Offsets = offsets;
        Bytes = bytes;
        UnsharedBytes = unsharedBytes;
    }

    /// <summary>The offset of every value of the graph by its index; −1 for values that do not lie in the arena.</summary>
    public ImmutableArray<long> Offsets { get; }

    /// <summary>Bytes of the arena at the largest sizes.</summary>
    public long Bytes { get; }

    /// <summary>What the values would take without sharing.</summary>
    public long UnsharedBytes { get; }

    /// <summary>Lays out the computed values of nodes that run in the given order.</summary>
    public static ArenaLayout Of(ModelGraph graph, ImmutableArray<Node> order, PlanLimits limits)
    {
        int[] root = [.. Enumerable.Range(0, graph.Values.Length)];
        int[] born = new int[graph.Values.Length];
        int[] dies = new int[graph.Values.Length];
        for (int step = 0; step < order.Length; step++)
        {
            Node node = order[step];
            foreach (Value output in node.Outputs)
            {
                born[output.Index] = dies[output.Index] = step;
            }

            if (node.Op.Alias is { } alias)
            {
                root[node.Outputs[0].Index] = root[node.Inputs[alias].Index];
            }

            foreach (Value used in node.Inputs.Concat(node.Outputs))
            {
                dies[root[used.Index]] = step;
            }
        }

        foreach (Value output in graph.Outputs)
        {
            dies[root[output.Index]] = order.Length;
        }

        long[] offsets = new long[graph.Values.Length];
        Array.Fill(offsets, -1);
        long bytes = 0;
        long unshared = 0;
        List<(long Start, long End, int Dies)> alive = [];
        foreach (Value value in order.SelectMany(node => node.Outputs).Where(value => root[value.Index] == value.Index))
        {
            alive.RemoveAll(range => range.Dies < born[value.Index]);
            long size = MostBytes(value.Type, limits);
            long start = 0;
            foreach ((long usedStart, long usedEnd, _) in alive.OrderBy(range => range.Start))
            {
                if (start + size <= usedStart)
                {
                    break;
                }

                start = Math.Max(start, usedEnd);
            }

            offsets[value.Index] = start;
            alive.Add((start, start + size, dies[value.Index]));
            bytes = Math.Max(bytes, start + size);
            unshared += size;
        }

        foreach (Value value in graph.Values)
        {
            offsets[value.Index] = offsets[root[value.Index]];
        }

        return new ArenaLayout([.. offsets], bytes, unshared);
    }

    static long MostBytes(TensorType type, PlanLimits limits)
    {
        long rows = 1;
        for (int i = 0; i < type.Shape.Rank - 1; i++)
        {
            rows = checked(rows * limits.Of(type.Shape[i]));
        }

        long bytes = checked(rows * BlockFormat.Of(type.Format).RowBytes(limits.Of(type.Shape.Last)));
        return (bytes + Alignment - 1) / Alignment * Alignment;
    }
}
