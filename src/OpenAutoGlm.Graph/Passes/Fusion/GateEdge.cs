using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>SwiGLU and its kin: the activation of the gate and the product with up are done where both are made.</summary>
sealed class GateEdge : IGraphPass
{
    public string Name => "gate-edge";

    public string Description => "Applies the gate (SwiGLU) where gate and up are made; needs merge-gate-up.";

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
            || !ReferenceEquals(edit.OnlyUser(up), node)
            || !ReferenceEquals(edit.OnlyUser(activate.Inputs[0]), activate)
            || !edit.IsProduct(activate.Inputs[0], out Node? product, out FusedMatMul op, out int part)
            || !ReferenceEquals(edit.Producer(up), product)
            || op.Parts.Length != 2 || part != 0 || !op.Parts[0].Plain || !op.Parts[1].Plain || op.PrologueOutputs != 0
            || active.Type != up.Type)
        {
            return false;
        }

        edit.Replace([product, activate, node], new Node(op with { Gate = ((Activate)activate.Op).Function }, product.Inputs, node.Outputs));
        return true;
    }
}
