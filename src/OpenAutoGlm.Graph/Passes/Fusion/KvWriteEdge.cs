using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>
/// Keys and values go into KV memory where they are made. The write then happens earlier than before, so nobody else may
/// read the memory under its old name.
/// </summary>
sealed class KvWriteEdge : IGraphPass
{
    public string Name => "kv-write-edge";

    public string Description => "Writes keys and values into KV memory where they are made.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is KvWrite write
                && node.Inputs[0].Kind == ValueKind.State && ReferenceEquals(edit.OnlyUser(node.Inputs[0]), node)
                && node.Inputs[2].IsGiven()
                && edit.IsHeads(node.Inputs[1], node, out Node? product, out FusedMatMul op, out int part, out ImmutableArray<Node> between)
                && op.Parts[part] is { Write: null, Sums: 0 })
            {
                Projection projection = op.Parts[part] with { HeadDim = node.Inputs[1].Type.Shape[2].Size, Write = write };
                edit.Extend(product, part, projection, [node.Inputs[0], node.Inputs[2]], [.. between, node]);
            }
        }

        return edit.Finish();
    }
}
