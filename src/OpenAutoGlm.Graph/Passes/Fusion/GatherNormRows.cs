using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>Rows are picked and normed in one step: those whose logits are wanted.</summary>
sealed class GatherNormRows : IGraphPass
{
    public string Name => "gather-norm";

    public string Description => "Picks rows and norms them in one step.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is RmsNorm norm && node.Inputs[1].IsGiven() && edit.Private<GatherRows>(node.Inputs[0], node, out Node? gather))
            {
                edit.Replace([gather, node], new Node(new GatherNorm(norm), gather.Inputs.Add(node.Inputs[1]), node.Outputs));
            }
        }

        return edit.Finish();
    }
}
