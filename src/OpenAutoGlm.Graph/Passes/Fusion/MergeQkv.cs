using System.Collections.Immutable;
using OpenAutoGlm.Graph.Ops;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>
/// The products over the same rows that fall into heads (queries, keys, values) become one with several weights: the
/// rows are made ready once, and there is one launch. The weights stay apart, because files give them different formats.
/// </summary>
sealed class MergeQkv : IGraphPass
{
    public string Name => "merge-qkv";

    public string Description => "Multiplies rows with the weights of queries, keys and values in one step.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        Dictionary<Value, List<Node>> products = [];
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is not Reshape || node.Outputs[0].Type.Shape.Rank != 3 || node.Inputs[0].Type.Shape.Rank != 2)
            {
                continue;
            }

            Value y = edit.BeforeBias(node.Inputs[0]);
            if (edit.Producer(y) is { Op: MatMul } product && product.Inputs[1].Kind == ValueKind.Weight)
            {
                List<Node> same = products.TryGetValue(product.Inputs[0], out List<Node>? known) ? known : products[product.Inputs[0]] = [];
                if (!same.Contains(product, ReferenceEqualityComparer.Instance))
                {
                    same.Add(product);
                }
            }
        }

        foreach (List<Node> same in products.Values.Where(same => same.Count > 1))
        {
            edit.Merge([.. same]);
        }

        return edit.Finish();
    }
}
