using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>Gate and up of the chosen experts and what joins them become one step: the pairs are sorted and the rows made ready once.</summary>
sealed class ExpertGateUp : IGraphPass
{
    public string Name => "expert-gate-up";

    public string Description => "Computes gate, up and SwiGLU of the chosen experts in one step.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is Multiply && !Try(edit, node, node.Inputs[0], node.Inputs[1]))
            {
                Try(edit, node, node.Inputs[1], node.Inputs[0]);
            }
        }

        return edit.Finish();
    }

    static bool Try(GraphEdit edit, Node node, Value active, Value up)
    {
        if (!edit.Private<Activate>(active, node, out Node? activate)
            || !edit.Private<ExpertMatMul>(activate.Inputs[0], activate, out Node? first)
            || !edit.Private<ExpertMatMul>(up, node, out Node? second)
            || !ReferenceEquals(first.Inputs[0], second.Inputs[0])
            || !ReferenceEquals(first.Inputs[2], second.Inputs[2])
            || active.Type != up.Type
            || first.Inputs[1].Kind != ValueKind.Weight || second.Inputs[1].Kind != ValueKind.Weight)
        {
            return false;
        }

        edit.Replace(
            [first, second, activate, node],
            new Node(
                new GatedExpertMatMul(((Activate)activate.Op).Function),
                [first.Inputs[0], first.Inputs[1], second.Inputs[1], first.Inputs[2]],
                node.Outputs));
        return true;
    }
}
