using System.Collections.Frozen;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Optimization.Training.Differentiation.Rules;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>What the gradient of an op's output means for its inputs.</summary>
abstract class DifferentiationRule
{
    static readonly FrozenDictionary<Type, DifferentiationRule> Table = new Dictionary<Type, DifferentiationRule>
    {
        [typeof(TrainedMatMul)] = new MatMulRule(),
        [typeof(ExpertMatMul)] = new ExpertMatMulRule(),
        [typeof(Router)] = new RouterRule(),
        [typeof(CombineExperts)] = new CombineExpertsRule(),
        [typeof(GatherRows)] = new GatherRowsRule(),
        [typeof(Add)] = new AddRule(),
        [typeof(Multiply)] = new MultiplyRule(),
        [typeof(Scale)] = new ScaleRule(),
        [typeof(Activate)] = new ActivateRule(),
        [typeof(RmsNorm)] = new RmsNormRule(),
        [typeof(LayerNorm)] = new LayerNormRule(),
        [typeof(Softmax)] = new SoftmaxRule(),
        [typeof(Rope)] = new RopeRule(),
        [typeof(Reshape)] = new ReshapeRule(),
        [typeof(Columns)] = new ColumnsRule(),
        [typeof(CausalAttention)] = new CausalAttentionRule(),
        [typeof(FakeQuantize)] = new FakeQuantizeRule(),
    }.ToFrozenDictionary();

    /// <summary>The rule of an op.</summary>
    /// <exception cref="NotSupportedException">The op has none.</exception>
    internal static DifferentiationRule Of(Op op) => Table.TryGetValue(op.GetType(), out DifferentiationRule? rule)
        ? rule
        : throw new NotSupportedException($"There is no rule to differentiate {op.Name}; known are {string.Join(", ", Table.Keys.Select(type => type.Name).Order(StringComparer.Ordinal))}.");

    /// <summary>Hands the gradients of the node's outputs on to those inputs that want them.</summary>
    internal abstract void Apply(Node node, Adjoint adjoint);
}
