using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>Weights that are multiplied with the same rows (query, key and value; gate and up), and what those rows were like.</summary>
sealed class ActivationGroup
{
    readonly bool _routed;
    ColumnSums[] _sums; // one, or one for each expert

    ActivationGroup(Node node, IEnumerable<string> weights, bool withGram)
    {
        Weights = [.. weights.Distinct(StringComparer.Ordinal)];
        Representative = node;
        _routed = node.Op is ExpertMatMul;
        int count = _routed ? node.Inputs[1].Type.Shape[0].Size : 1;
        _sums = [.. Enumerable.Range(0, count).Select(_ => new ColumnSums(node.Inputs[0].Type.Shape.Last.Size, withGram))];
    }

    /// <summary>The whole weights' names.</summary>
    internal string[] Weights { get; }

    /// <summary>The node whose first input is looked at; for the others of the group it is the same.</summary>
    internal Node Representative { get; }

    /// <summary>The groups of a graph, in order.</summary>
    /// <exception cref="NotSupportedException">A weight is multiplied with different activations.</exception>
    internal static List<ActivationGroup> Of(ModelGraph graph, Func<string, bool>? gram)
    {
        List<ActivationGroup> groups = [];
        HashSet<string> grouped = new(StringComparer.Ordinal);
        foreach (var nodes in graph.Nodes.Where(node => node.Op is MatMul or ExpertMatMul && node.Inputs[1].Kind == ValueKind.Weight)
                     .GroupBy(node => (node.Inputs[0], node.Op is ExpertMatMul ? node.Inputs[2] : null)))
        {
            string[] weights = [.. nodes.Select(node => WholeName(node.Inputs[1].Name))];
            if (weights.Distinct(StringComparer.Ordinal).FirstOrDefault(name => !grouped.Add(name)) is { } twice)
            {
                throw new NotSupportedException($"{graph.Name}: {twice} is multiplied with two different sets of activations, and statistics are kept of one.");
            }

            groups.Add(new ActivationGroup(nodes.First(), weights, gram is not null && weights.Any(gram)));
        }

        return groups;
    }

    /// <summary>Rows of a fused weight are named "name[0..64]"; the whole is "name".</summary>
    internal static string WholeName(string name) => name.EndsWith(']') && name.IndexOf('[', StringComparison.Ordinal) is > 0 and int at ? name[..at] : name;

    /// <summary>Adds the rows that the node has just seen.</summary>
    /// <returns>False where one of them holds NaN or infinity.</returns>
    internal bool Add(Execution execution, int threads)
    {
        TensorView rows = execution[Representative.Inputs[0]];
        if (!_routed)
        {
            return _sums[0].Add(rows.Floats, threads);
        }

        ReadOnlySpan<int> chosen = execution[Representative.Inputs[2]].Ints;
        int used = execution[Representative.Inputs[2]].RowLength;
        int columns = rows.RowLength;
        bool finite = true;
        float[] gathered = new float[chosen.Length * columns];
        for (int expert = 0; expert < _sums.Length; expert++)
        {
            int count = 0;
            for (int pair = 0; pair < chosen.Length; pair++)
            {
                if (chosen[pair] == expert)
                {
                    rows.Row(rows.Rank == 3 ? pair : pair / used).CopyTo(gathered.AsSpan(count++ * columns));
                }
            }

            finite &= _sums[expert].Add(gathered.AsSpan(0, count * columns), threads);
        }

        return finite;
    }

    /// <summary>What was gathered; the sums are let go.</summary>
    internal ColumnStatistics Finish()
    {
        ColumnSums[] sums = _sums;
        _sums = [];
        return ToStatistics(sums, _routed);
    }

    internal void Write(BinaryWriter writer)
    {
        writer.Write(Weights.Length);
        Array.ForEach(Weights, writer.Write);
        writer.Write(_routed);
        writer.Write(_sums.Length);
        Array.ForEach(_sums, sums => sums.Write(writer));
    }

    internal static string[] ReadNames(BinaryReader reader)
    {
        List<string> names = [];
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            names.Add(reader.ReadString());
        }

        return [.. names];
    }

    /// <summary>Goes on from sums that were saved.</summary>
    /// <returns>False where they are of another kind: other columns, experts or Gram matrices.</returns>
    internal bool Read(BinaryReader reader)
    {
        (bool routed, ColumnSums[] sums) = ReadSums(reader);
        bool same = routed == _routed && sums.Length == _sums.Length
            && sums.Zip(_sums).All(pair => pair.First.Columns == pair.Second.Columns && pair.First.HasGram == pair.Second.HasGram);
        _sums = same ? sums : _sums;
        return same;
    }

    internal static ColumnStatistics ReadStatistics(BinaryReader reader)
    {
        (bool routed, ColumnSums[] sums) = ReadSums(reader);
        return ToStatistics(sums, routed);
    }

    static (bool Routed, ColumnSums[] Sums) ReadSums(BinaryReader reader)
    {
        bool routed = reader.ReadBoolean();
        List<ColumnSums> sums = [];
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            sums.Add(ColumnSums.Read(reader));
        }

        return sums.Count > 0 ? (routed, [.. sums]) : throw new InvalidDataException("a group of weights has no sums");
    }

    static ColumnStatistics ToStatistics(ColumnSums[] sums, bool routed)
    {
        if (!routed)
        {
            return sums[0].ToStatistics();
        }

        ColumnSums all = new(sums[0].Columns, sums[0].HasGram);
        foreach (ColumnSums expert in sums)
        {
            all.Add(expert);
        }

        return all.ToStatistics([.. sums.Select(expert => expert.ToStatistics())]);
    }
}
