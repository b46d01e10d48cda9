using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;

namespace OpenAutoGlm.Optimization.Training.Differentiation.Rules;

/// <summary>Rows that were picked are added where they came from.</summary>
sealed class GatherRowsRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint) =>
        adjoint.Accumulate(node.Inputs[0], new ScatterAddRows(), adjoint.Now(node.Inputs[1]), adjoint.Of(node.Outputs[0])!);
}

/// <summary>A rotation's transpose is the rotation back.</summary>
sealed class RopeRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        Rope rope = (Rope)node.Op;
        Rope back = rope with { PositionScale = -rope.PositionScale };
        adjoint.Add(node.Inputs[0], adjoint.Apply(node.Inputs[0], back, [adjoint.Of(node.Outputs[0])!, .. node.Inputs.AsSpan()[1..]]));
    }
}

/// <summary>The same elements under the old shape.</summary>
sealed class ReshapeRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint) =>
        adjoint.Add(node.Inputs[0], adjoint.Apply(node.Inputs[0], new Reshape(node.Inputs[0].Type.Shape), adjoint.Of(node.Outputs[0])!));
}

/// <summary>Columns go back to their places; the others get nothing.</summary>
sealed class ColumnsRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        Value x = node.Inputs[0];
        adjoint.Add(x, adjoint.Apply(x, new PadColumns(((Columns)node.Op).Start, x.Type.Shape.Last.Size), adjoint.Of(node.Outputs[0])!));
    }
}
