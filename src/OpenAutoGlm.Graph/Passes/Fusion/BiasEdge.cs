using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>A bias is added where the product is made.</summary>
sealed class BiasEdge : IGraphPass
{
    public string Name => "bias-edge";

    public string Description => "Adds a bias where the product is made.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is Add
                && node.Inputs[1].IsGiven() && node.Inputs[1].Type.Shape.Rank == 1
                && ReferenceEquals(edit.OnlyUser(node.Inputs[0]), node)
                && edit.IsProduct(node.Inputs[0], out Node? product, out FusedMatMul op, out int part)
                && op.Parts[part] is { Plain: true, Bias: false })
            {
                edit.Extend(product, part, op.Parts[part] with { Bias = true }, [node.Inputs[1]], [node]);
            }
        }

        return edit.Finish();
    }
}
