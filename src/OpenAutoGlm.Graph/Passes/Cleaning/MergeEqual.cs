using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Graph.Passes.Cleaning;

/// <summary>Two nodes with equal ops and the same inputs compute the same: the second goes. Writes into states stay.</summary>
sealed class MergeEqual : IGraphPass
{
    public string Name => "merge-equal";

    public string Description => "Computes equal expressions once.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        Dictionary<Node, Node> known = new(new SameComputation());
        foreach (Node node in edit.Nodes)
        {
            bool writes = node.Op.Launches && node.Outputs.Where((_, i) => node.Op.AliasOf(i) is not null).Any();

            // 0 and −0 are equal factors and give different zeros.
            if (writes || node.Op is Scale { Factor: 0 })
            {
                continue;
            }

            if (!known.TryGetValue(node, out Node? first) || !edit.IsThere(first))
            {
                known[node] = node;
            }
            else if (!ReferenceEquals(first, node) && !node.Outputs.Any(edit.IsOutput))
            {
                edit.Redirect(node, first.Outputs);
            }
        }

        return edit.Finish();
    }

    sealed class SameComputation : IEqualityComparer<Node>
    {
        public bool Equals(Node? a, Node? b) => a!.Op.Equals(b!.Op) && a.Inputs.AsSpan().SequenceEqual(b.Inputs.AsSpan());

        public int GetHashCode(Node node)
        {
            HashCode hash = default;
            hash.Add(node.Op);
            foreach (Value input in node.Inputs)
            {
                hash.Add(input);
            }

            return hash.ToHashCode();
        }
    }
}
