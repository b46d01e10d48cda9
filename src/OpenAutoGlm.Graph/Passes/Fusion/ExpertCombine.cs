using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes.Fusion;

/// <summary>The experts' answers are weighed and summed where they are made, instead of lying in memory one by one.</summary>
sealed class ExpertCombine : IGraphPass
{
    public string Name => "expert-combine";

    public string Description => "Weighs and sums the experts' answers where they are made.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Op is CombineExperts && edit.Private<ExpertMatMul>(node.Inputs[0], node, out Node? product) && product.Inputs[1].Kind == ValueKind.Weight)
            {
                edit.Replace([product, node], new Node(new CombinedExpertMatMul(0), [.. product.Inputs, node.Inputs[1]], node.Outputs));
            }
        }

        return edit.Finish();
    }
}
