using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>Query and key heads are rotated where they are made.</summary>
sealed class RopeEdge : IGraphPass
{
    public string Name => "rope-edge";

    public string Description => "Rotates query and key heads where they are made.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is Rope rope
                && node.Inputs.AsSpan()[1..].ToArray().All(input => input.IsGiven())
                && edit.IsHeads(node.Inputs[0], node, out Node? product, out FusedMatMul op, out int part, out ImmutableArray<Node> between)
                && op.Parts[part] is { Rope: null, Write: null, Sums: 0 })
            {
                Projection projection = op.Parts[part] with { HeadDim = node.Inputs[0].Type.Shape[2].Size, Rope = rope, Factors = node.Inputs.Length == 3 };
                edit.Extend(product, part, projection, node.Inputs[1..], [.. between, node]);
            }
        }

        return edit.Finish();
    }
}
