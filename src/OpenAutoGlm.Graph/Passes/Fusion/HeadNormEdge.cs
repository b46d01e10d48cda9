using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>The norm of each query or key head is applied where the head is made.</summary>
sealed class HeadNormEdge : IGraphPass
{
    public string Name => "head-norm-edge";

    public string Description => "Norms query and key heads where they are made.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is RmsNorm norm
                && node.Inputs[1].IsGiven()
                && edit.IsHeads(node.Inputs[0], node, out Node? product, out FusedMatMul op, out int part, out ImmutableArray<Node> between)
                && op.Parts[part] is { Norm: null, Rope: null, Write: null, Sums: 0 })
            {
                Projection projection = op.Parts[part] with { HeadDim = node.Inputs[0].Type.Shape[2].Size, Norm = norm };
                edit.Extend(product, part, projection, [node.Inputs[1]], [.. between, node]);
            }
        }

        return edit.Finish();
    }
}
