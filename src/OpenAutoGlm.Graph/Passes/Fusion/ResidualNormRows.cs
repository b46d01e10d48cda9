using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>A residual sum and the norm that follows it become one step with two results.</summary>
sealed class ResidualNormRows : IGraphPass
{
    public string Name => "residual-norm";

    public string Description => "Adds to the residual stream and norms the sum in one step.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is not RmsNorm next || !node.Inputs[1].IsGiven() || edit.Producer(node.Inputs[0]) is not { } sum)
            {
                continue;
            }

            if (sum.Op is ResidualNorm { Next: null } post)
            {
                edit.Replace([sum, node], new Node(post with { Next = next }, sum.Inputs.Add(node.Inputs[1]), [sum.Outputs[0], node.Outputs[0]]));
            }
            else if (sum.Op is Add && sum.Inputs[0].Type == sum.Inputs[1].Type)
            {
                edit.Replace([sum, node], new Node(new ResidualNorm(null, next), sum.Inputs.Add(node.Inputs[1]), [sum.Outputs[0], node.Outputs[0]]));
            }
        }

        return edit.Finish();
    }
}
