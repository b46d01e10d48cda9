using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>The two products of a gated network, over the same rows, become one with two weights, the gate's first.</summary>
sealed class MergeGateUp : IGraphPass
{
    public string Name => "merge-gate-up";

    public string Description => "Multiplies rows with the weights of gate and up in one step.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is Multiply && !Try(edit, node.Inputs[0], node.Inputs[1]))
            {
                Try(edit, node.Inputs[1], node.Inputs[0]);
            }
        }

        return edit.Finish();
    }

    static bool Try(GraphEdit edit, Value active, Value up)
    {
        if (edit.Producer(active) is not { Op: Activate } activate
            || edit.Producer(edit.BeforeBias(activate.Inputs[0])) is not { Op: MatMul } first
            || edit.Producer(edit.BeforeBias(up)) is not { Op: MatMul } second
            || ReferenceEquals(first, second)
            || !ReferenceEquals(first.Inputs[0], second.Inputs[0])
            || first.Outputs[0].Type != second.Outputs[0].Type
            || first.Inputs[1].Kind != ValueKind.Weight || second.Inputs[1].Kind != ValueKind.Weight)
        {
            return false;
        }

        edit.Merge([first, second]);
        return true;
    }
}
