using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>
/// The residual stream, and the shared expert's answer, are added where the product is made. Only products with one
/// result take sums: with several, the other term could depend on the product itself.
/// </summary>
sealed class ResidualEdge : IGraphPass
{
    public string Name => "residual-edge";

    public string Description => "Adds the residual stream where the branch's last product is made.";

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

    static bool Try(GraphEdit edit, Node node, Value product, Value term)
    {
        if (!ReferenceEquals(edit.OnlyUser(product), node) || term.Kind == ValueKind.State)
        {
            return false;
        }

        if (edit.IsProduct(product, out Node? producer, out FusedMatMul op, out int part)
            && producer.Outputs.Length == 1 && op.Parts[part] is { HeadDim: 0, Write: null })
        {
            edit.Extend(producer, part, op.Parts[part] with { Sums = op.Parts[part].Sums + 1 }, [term], [node]);
            return true;
        }

        if (edit.Producer(product) is { Op: CombinedExpertMatMul experts } combined)
        {
            edit.Replace([combined, node], new Node(new CombinedExpertMatMul(experts.Sums + 1), combined.Inputs.Add(term), node.Outputs));
            return true;
        }

        return false;
    }
}
