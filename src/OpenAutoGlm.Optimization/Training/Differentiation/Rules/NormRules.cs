using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;

namespace OpenAutoGlm.Optimization.Training.Differentiation.Rules;

/// <summary>RMS norm of rows or heads.</summary>
sealed class RmsNormRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        (Value x, Value w, Value dy) = (node.Inputs[0], node.Inputs[1], adjoint.Of(node.Outputs[0])!);
        float epsilon = ((RmsNorm)node.Op).Epsilon;
        if (adjoint.Wants(w))
        {
            adjoint.Accumulate(w, new RmsNormWeightGradient(epsilon), adjoint.Now(x), dy);
        }

        if (adjoint.Wants(x))
        {
            adjoint.Add(x, adjoint.Apply(x, new RmsNormInputGradient(epsilon), adjoint.Now(x), adjoint.Now(w), dy));
        }
    }
}

/// <summary>Layer norm of rows.</summary>
sealed class LayerNormRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        (Value x, Value w, Value b, Value dy) = (node.Inputs[0], node.Inputs[1], node.Inputs[2], adjoint.Of(node.Outputs[0])!);
        float epsilon = ((LayerNorm)node.Op).Epsilon;
        if (adjoint.Wants(w))
        {
            adjoint.Accumulate(w, new LayerNormWeightGradient(epsilon), adjoint.Now(x), dy);
        }

        if (adjoint.Wants(b))
        {
            adjoint.Accumulate(b, new BiasGradient(), dy);
        }

        if (adjoint.Wants(x))
        {
            adjoint.Add(x, adjoint.Apply(x, new LayerNormInputGradient(epsilon), adjoint.Now(x), adjoint.Now(w), dy));
        }
    }
}

/// <summary>Softmax of rows, from what it gave.</summary>
sealed class SoftmaxRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint) =>
        adjoint.Add(node.Inputs[0], adjoint.Apply(node.Inputs[0], new SoftmaxGradient(), adjoint.Now(node.Outputs[0]), adjoint.Of(node.Outputs[0])!));
}
