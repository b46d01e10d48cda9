using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>A branch that is normed before it joins the residual stream (GLM-4-0414) is normed and added in one step.</summary>
sealed class PostNormResidual : IGraphPass
{
    public string Name => "post-norm-residual";

    public string Description => "Norms a branch and adds it to the residual stream in one step.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is Add && node.Inputs[0].Type == node.Inputs[1].Type && !Try(edit, node, node.Inputs[1], node.Inputs[0]))
            {
                Try(edit, node, node.Inputs[0], node.Inputs[1]);
            }
        }

        return edit.Finish();
    }

    static bool Try(GraphEdit edit, Node node, Value normed, Value stream)
    {
        if (!edit.Private<RmsNorm>(normed, node, out Node? norm) || !norm.Inputs[1].IsGiven())
        {
            return false;
        }

        edit.Replace([norm, node], new Node(new ResidualNorm((RmsNorm)norm.Op, null), [stream, norm.Inputs[0], norm.Inputs[1]], node.Outputs));
        return true;
    }
}
