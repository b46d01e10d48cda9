using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;

namespace OpenAutoGlm.Optimization.Training.Differentiation.Rules;

/// <summary>y = a + b: both get dy; a row that was added to every row gets the sum.</summary>
sealed class AddRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        (Value a, Value b, Value dy) = (node.Inputs[0], node.Inputs[1], adjoint.Of(node.Outputs[0])!);
        if (adjoint.Wants(a))
        {
            adjoint.Add(a, dy);
        }

        if (adjoint.Wants(b) && b.Type == dy.Type)
        {
            adjoint.Add(b, dy);
        }
        else if (adjoint.Wants(b))
        {
            adjoint.Accumulate(b, new BiasGradient(), dy);
        }
    }
}

/// <summary>y = a · b: da = dy · b, db = dy · a.</summary>
sealed class MultiplyRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        (Value a, Value b, Value dy) = (node.Inputs[0], node.Inputs[1], adjoint.Of(node.Outputs[0])!);
        if (adjoint.Wants(a))
        {
            adjoint.Add(a, adjoint.Apply(a, new Multiply(), dy, adjoint.Now(b)));
        }

        if (adjoint.Wants(b))
        {
            Value product = adjoint.Apply(b, new Multiply(), dy, adjoint.Now(a));
            if (b.Type == product.Type)
            {
                adjoint.Add(b, product);
            }
            else
            {
                adjoint.Accumulate(b, new BiasGradient(), product);
            }
        }
    }
}

/// <summary>y = c · x: dx = c · dy.</summary>
sealed class ScaleRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint) =>
        adjoint.Add(node.Inputs[0], adjoint.Apply(node.Inputs[0], node.Op, adjoint.Of(node.Outputs[0])!));
}

/// <summary>y = f(x): dx = f′(x) · dy.</summary>
sealed class ActivateRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        Value x = node.Inputs[0];
        adjoint.Add(x, adjoint.Apply(x, new ActivateGradient(((Activate)node.Op).Function), adjoint.Now(x), adjoint.Of(node.Outputs[0])!));
    }
}

/// <summary>Rounding is passed as if it were not there. A parameter's guise never comes here: its gradient is the parameter's.</summary>
sealed class FakeQuantizeRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint) => adjoint.Add(node.Inputs[0], adjoint.Of(node.Outputs[0])!);
}
