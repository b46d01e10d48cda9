using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

/// <summary>
/// Where computed values lie in one piece of memory, so that values that never live at the same time may share bytes.
/// An output takes the place of an input that its op may overwrite and nobody reads any more. The others are placed each
/// at the lowest offset where nothing lies that lives with it: in the order in which they appear or the largest first,
/// whichever takes less.
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

    /// <summary>Lays out the computed values of nodes that run in the given order, but for those that lie elsewhere (by their indices).</summary>
    public static ArenaLayout Of(ModelGraph graph, ImmutableArray<Node> order, PlanLimits limits, IReadOnlySet<int>? elsewhere = null)
    {
        int[] dies = LastUses(graph, order);
        int[] born = new int[graph.Values.Length];
        int[] root = [.. Enumerable.Range(0, graph.Values.Length)];
        for (int step = 0; step < order.Length; step++)
        {
            Node node = order[step];
            for (int i = 0; i < node.Outputs.Length; i++)
            {
                int output = node.Outputs[i].Index;
                born[output] = step;
                if ((node.Op.AliasOf(i) ?? Overwritten(node, i, step, root, dies, graph)) is { } shared)
                {
                    root[output] = root[node.Inputs[shared].Index];
                    dies[root[output]] = Math.Max(dies[root[output]], dies[output]);
                }
            }
        }

        long unshared = order.Sum(node => node.Outputs.Where((_, i) => node.Op.AliasOf(i) is null).Sum(output => MostBytes(output.Type, limits)));
        List<Life> spans =
        [
            .. order.SelectMany(node => node.Outputs)
                .Where(value => root[value.Index] == value.Index && elsewhere?.Contains(value.Index) != true)
                .Select(value => new Life(value.Index, MostBytes(value.Type, limits), born[value.Index], dies[value.Index])),
        ];
        (long[] offsets, long bytes) = Place(spans, graph.Values.Length);
        (long[] largestFirst, long otherBytes) = Place([.. spans.OrderByDescending(span => span.Bytes)], graph.Values.Length);
        if (otherBytes < bytes)
        {
            (offsets, bytes) = (largestFirst, otherBytes);
        }

        foreach (Value value in graph.Values)
        {
            offsets[value.Index] = offsets[root[value.Index]];
        }

        return new ArenaLayout([.. offsets], bytes, unshared);
    }

    /// <summary>The step of the last use of every value, also under the names of its aliases; the end for outputs.</summary>
    static int[] LastUses(ModelGraph graph, ImmutableArray<Node> order)
    {
        int[] dies = new int[graph.Values.Length];
        foreach (Value output in graph.Outputs)
        {
            dies[output.Index] = order.Length;
        }

        // Backwards, an alias is met before what it is an alias of.
        for (int step = order.Length - 1; step >= 0; step--)
        {
            Node node = order[step];
            foreach (Value used in node.Inputs.Concat(node.Outputs))
            {
                dies[used.Index] = Math.Max(dies[used.Index], step);
            }

            for (int i = 0; i < node.Outputs.Length; i++)
            {
                if (node.Op.AliasOf(i) is { } alias)
                {
                    dies[node.Inputs[alias].Index] = Math.Max(dies[node.Inputs[alias].Index], dies[node.Outputs[i].Index]);
                }
            }
        }

        return dies;
    }

    /// <summary>An input in whose place an output may be written because nobody reads it after this step; null if there is none.</summary>
    static int? Overwritten(Node node, int output, int step, int[] root, int[] dies, ModelGraph graph)
    {
        for (int i = 0; i < node.Inputs.Length; i++)
        {
            Value input = node.Inputs[i];
            int place = root[input.Index];
            if (node.Op.MayOverwrite(output, i)
                && input.Type == node.Outputs[output].Type
                && graph.Values[place].Kind == ValueKind.Computed
                && dies[place] == step
                && node.Inputs.Count(other => root[other.Index] == place) == 1
                && node.Outputs.All(other => root[other.Index] != place))
            {
                return i;
            }
        }

        return null;
    }

    /// <summary>Places spans one after another, each at the lowest offset where nothing lies that lives with it.</summary>
    static (long[] Offsets, long Bytes) Place(List<Life> spans, int values)
    {
        long[] offsets = new long[values];
        Array.Fill(offsets, -1);
        long bytes = 0;
        List<(long Start, long End)> taken = [];
        for (int i = 0; i < spans.Count; i++)
        {
            Life span = spans[i];
            taken.Clear();
            for (int j = 0; j < i; j++)
            {
                if (spans[j].Born <= span.Dies && span.Born <= spans[j].Dies)
                {
                    taken.Add((offsets[spans[j].Value], offsets[spans[j].Value] + spans[j].Bytes));
                }
            }

            taken.Sort();
            long start = 0;
            foreach ((long usedStart, long usedEnd) in taken)
            {
                if (start + span.Bytes <= usedStart)
                {
                    break;
                }

                start = Math.Max(start, usedEnd);
            }

            offsets[span.Value] = start;
            bytes = Math.Max(bytes, start + span.Bytes);
        }

        return (offsets, bytes);
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

    /// <summary>A value and the steps in which it lives, both included.</summary>
    readonly record struct Life(int Value, long Bytes, int Born, int Dies);
}
