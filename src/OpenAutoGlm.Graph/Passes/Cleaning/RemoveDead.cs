namespace OpenAutoGlm.Graph.Passes.Cleaning;

/// <summary>Nodes go whose results lead neither to an output of the graph nor into a state.</summary>
sealed class RemoveDead : IGraphPass
{
    public string Name => "remove-dead";

    public string Description => "Drops what leads to no output and into no state.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        HashSet<Value> needed = [.. graph.Outputs];
        for (int i = graph.Nodes.Length - 1; i >= 0; i--)
        {
            Node node = graph.Nodes[i];
            bool writes = node.Op.Launches && node.Outputs.Where((_, output) => node.Op.AliasOf(output) is not null).Any();
            if (writes || node.Outputs.Any(needed.Contains))
            {
                needed.UnionWith(node.Inputs);
            }
            else
            {
                edit.Remove(node);
            }
        }

        return edit.Finish();
    }
}
