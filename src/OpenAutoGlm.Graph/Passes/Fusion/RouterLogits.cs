using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>The router's logits and its choice become one step.</summary>
sealed class RouterLogits : IGraphPass
{
    public string Name => "router-logits";

    public string Description => "Computes the router's logits and chooses the experts in one step.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is Router router
                && edit.Private<MatMul>(node.Inputs[0], node, out Node? product)
                && product.Inputs[1].Kind == ValueKind.Weight
                && (node.Inputs.Length == 1 || node.Inputs[1].IsGiven()))
            {
                edit.Replace(
                    [product, node],
                    new Node(new FusedRouter(null, router, node.Inputs.Length == 2), [.. product.Inputs, .. node.Inputs[1..]], node.Outputs));
            }
        }

        return edit.Finish();
    }
}
