using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;

namespace OpenAutoGlm.Optimization.Training.Differentiation.Rules;

/// <summary>y = x · wᵀ: dx = dy · w, dw = dyᵀ · x.</summary>
sealed class MatMulRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        (Value x, Value w, Value dy) = (node.Inputs[0], node.Inputs[1], adjoint.Of(node.Outputs[0])!);
        TrainingArithmetic arithmetic = ((TrainedMatMul)node.Op).Arithmetic;
        if (adjoint.Wants(w))
        {
            adjoint.Accumulate(w, new MatMulWeightGradient(arithmetic), dy, adjoint.Now(x));
        }

        if (adjoint.Wants(x))
        {
            adjoint.Add(x, adjoint.Apply(x, new MatMulInputGradient(arithmetic), dy, adjoint.Now(w)));
        }
    }
}

/// <summary>The same for every expert and the rows that chose it.</summary>
sealed class ExpertMatMulRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        (Value x, Value w, Value dy) = (node.Inputs[0], node.Inputs[1], adjoint.Of(node.Outputs[0])!);
        Value chosen = adjoint.Now(node.Inputs[2]);
        if (adjoint.Wants(w))
        {
            adjoint.Accumulate(w, new ExpertWeightGradient(), dy, adjoint.Now(x), chosen);
        }

        if (adjoint.Wants(x))
        {
            adjoint.Add(x, adjoint.Apply(x, new ExpertInputGradient(x.Type.Shape.Rank == 3), dy, adjoint.Now(w), chosen));
        }
    }
}

/// <summary>Through the shares of the chosen experts; which are chosen has no gradient, and so the choice's bias has none.</summary>
sealed class RouterRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        if (adjoint.Wants(node.Inputs[0]) && adjoint.Of(node.Outputs[1]) is { } dshares)
        {
            Router router = (Router)node.Op;
            RouterGradient gradient = new(router.Scoring, router.Renormalise, router.Scale);
            adjoint.Add(node.Inputs[0], adjoint.Apply(node.Inputs[0], gradient, adjoint.Now(node.Inputs[0]), adjoint.Now(node.Outputs[0]), dshares));
        }
    }
}

/// <summary>y = Σ share · x.</summary>
sealed class CombineExpertsRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        var gradients = adjoint.ApplyMany(
            node.Inputs[0], new CombineExpertsGradient(), adjoint.Now(node.Inputs[0]), adjoint.Now(node.Inputs[1]), adjoint.Of(node.Outputs[0])!);
        for (int i = 0; i < 2; i++)
        {
            if (adjoint.Wants(node.Inputs[i]))
            {
                adjoint.Add(node.Inputs[i], gradients[i]);
            }
        }
    }
}

/// <summary>Attention hands back to queries, keys and values at once.</summary>
sealed class CausalAttentionRule : DifferentiationRule
{
    internal override void Apply(Node node, Adjoint adjoint)
    {
        CausalAttention attention = (CausalAttention)node.Op;
        var gradients = adjoint.ApplyMany(
            node.Inputs[0],
            new CausalAttentionGradient(attention.Scale, attention.Window),
            adjoint.Now(node.Inputs[0]),
            adjoint.Now(node.Inputs[1]),
            adjoint.Now(node.Inputs[2]),
            node.Inputs[3],
            adjoint.Now(node.Outputs[0]),
            adjoint.Now(node.Outputs[1]),
            adjoint.Of(node.Outputs[0])!);
        for (int i = 0; i < 3; i++)
        {
            if (adjoint.Wants(node.Inputs[i]))
            {
                adjoint.Add(node.Inputs[i], gradients[i]);
            }
        }
    }
}
