using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Graph.Passes.Cleaning;

/// <summary>
/// Nodes whose result is their input go: a reshape to the same shape, a factor of 1, all columns. Of two reshapes one
/// behind the other only the last one counts. Names of the graph's outputs stay, so those nodes do too.
/// </summary>
sealed class RemoveNoOps : IGraphPass
{
    public string Name => "remove-no-ops";

    public string Description => "Drops nodes that hand on their input: reshapes to the same shape, factors of 1, all columns.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            // A view of a state must not be taken for the state itself: after a write it would be read under its old name.
            Value input = node.Inputs.IsEmpty ? node.Outputs[0] : node.Inputs[0];
            bool mine = input.Kind != ValueKind.State && (edit.Producer(input)?.Op is not { Launches: true } op || op.AliasOf(0) is null);
            if (!mine || edit.IsOutput(node.Outputs[0]))
            {
                continue;
            }

            if (node.Op is Reshape or Columns or Scale { Factor: 1 } && node.Outputs[0].Type == input.Type)
            {
                edit.Redirect(node, [input]);
            }
            else if (node.Op is Reshape && edit.Producer(input) is { Op: Reshape } first)
            {
                edit.Replace([node], new Node(node.Op, first.Inputs, node.Outputs));
            }
        }

        return edit.Finish();
    }
}
