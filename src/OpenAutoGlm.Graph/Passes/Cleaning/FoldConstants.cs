using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Passes.Cleaning;

/// <summary>What depends on nothing but constants is computed now, by the op's reference, and becomes a constant.</summary>
sealed class FoldConstants : IGraphPass
{
    /// <summary>Constants beyond this stay computed: a table unrolled is memory that nobody asked for.</summary>
    const long MostBytes = 16 << 20;

    public string Name => "fold-constants";

    public string Description => "Computes what depends on constants only, once.";

    public PassResult Apply(ModelGraph graph)
    {
        GraphEdit edit = new(graph);
        foreach (Node node in edit.Nodes)
        {
            if (node.Inputs.Length > 0 && node.Inputs.All(input => input.Kind == ValueKind.Weight) && node.Outputs.All(Fits) && CanRun(node))
            {
                edit.Fold(node, Evaluate(node));
            }
        }

        return edit.Finish();
    }

    static bool Fits(Value output) => output.Type.Shape.IsConstant && Tensor.BytesOf(output.Type) <= MostBytes;

    /// <summary>The reference of a reshape copies float32 only.</summary>
    static bool CanRun(Node node) => node.Op is not Reshape || node.Inputs[0].Type.Format == TensorFormat.F32;

    static ImmutableArray<Tensor> Evaluate(Node node)
    {
        ImmutableArray<Tensor> made = [.. node.Outputs.Select(output => Tensor.Allocate(output.Type.Format, [.. output.Type.Shape.Dims]))];
        node.Op.Evaluate([.. node.Inputs.Select(input => input.Constant!.View)], [.. made.Select(tensor => tensor.View)]);
        return made;
    }
}
