using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.Elementwise;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu.Kernels.Training;

/// <summary>Picks the kernels of the ops that only training has.</summary>
sealed class TrainingKernels<T>(string set, WorkerPool pool, CodeLibrary code)
    where T : struct, ILanes<T>
{
    readonly Lazy<ProductTiles<T>> _floats = new(() => new ProductTiles<T>(code, TrainingArithmetic.Float32));
    readonly Lazy<ProductTiles<T>> _bfloat16s = new(() => new ProductTiles<T>(code, TrainingArithmetic.BFloat16));

    /// <summary>A kernel for the node; null where the op is none of training's, or its reference serves.</summary>
    internal Kernel? Pick(Node node, PlanScope scope)
    {
        string name = $"{node.Op.Name} {set}";
        return node.Op switch
        {
            TrainedMatMul product => Product(name, node, ProductForm.Forward, product.Arithmetic, scope),
            MatMulInputGradient product => Product(name, node, ProductForm.InputGradient, product.Arithmetic, scope),
            MatMulWeightGradient product => WeightGradient(name, product.Arithmetic, scope, node.Inputs[0].Type.Shape),
            CausalAttention attention => new CausalAttentionKernel<T>(
                name, attention, pool, _floats.Value, scope.Scratch, node.Inputs[0].Type.Shape, node.Inputs[1].Type.Shape, scope.Limits.Of(node.Inputs[0].Type.Shape[0])),
            CausalAttentionGradient attention => new CausalAttentionGradientKernel<T>(
                name, attention, pool, _floats.Value, scope.Scratch, node.Inputs[0].Type.Shape, node.Inputs[1].Type.Shape, scope.Limits.Of(node.Inputs[0].Type.Shape[0])),
            RmsNormInputGradient norm => new RmsNormInputGradientKernel<T>(name, pool, norm.Epsilon),
            RmsNormWeightGradient norm => Sum(name, ColumnSum.RmsNorm, node, scope, norm.Epsilon),
            BiasGradient => Sum(name, ColumnSum.Bias, node, scope, 0),
            CrossEntropy => new CrossEntropyKernel<T>(name, pool),
            CrossEntropyGradient => new CrossEntropyGradientKernel<T>(name, pool),
            ProjectedCrossEntropy projection => Projection(name, node, projection, scope),
            Distillation distillation => new DistillationKernel<T>(name, pool, distillation.Temperature),
            DistillationGradient distillation => new DistillationGradientKernel<T>(name, pool, distillation.Temperature),
            FakeQuantize rounding => new FakeQuantizeKernel(name, pool, rounding.Format, node.Inputs[0].Type.Shape.Last.Size),
            ActivateGradient { Function: Activation.Silu } => new BinaryKernel<T, SiluSlopeOf<T>>(name, pool),
            ActivateGradient { Function: Activation.Sigmoid } => new BinaryKernel<T, SigmoidSlopeOf<T>>(name, pool),
            ActivateGradient { Function: Activation.Relu } => new BinaryKernel<T, ReluSlopeOf<T>>(name, pool),
            AddGradient => new BinaryKernel<T, SumOf<T>>(name, pool),
            ScatterAddRows => new ScatterAddRowsKernel<T>(name, pool),
            Zeros => new ZerosKernel(name, pool),
            _ => null,
        };
    }

    TrainedMatMulKernel<T> Product(string name, Node node, ProductForm form, TrainingArithmetic arithmetic, PlanScope scope) =>
        Product(name, form, arithmetic, scope, node.Inputs[1].Type.Shape);

    TrainedMatMulKernel<T> Product(string name, ProductForm form, TrainingArithmetic arithmetic, PlanScope scope, Shape weight) =>
        new(name, form, pool, Tiles(arithmetic), scope.Scratch, weight[0].Size, weight[1].Size);

    WeightGradientKernel<T> WeightGradient(string name, TrainingArithmetic arithmetic, PlanScope scope, Shape weight) =>
        new(name, pool, Tiles(arithmetic), scope.Scratch, weight[0].Size, weight[1].Size);

    ProjectedCrossEntropyKernel Projection(string name, Node node, ProjectedCrossEntropy op, PlanScope scope)
    {
        Shape weight = node.Inputs[1].Type.Shape;
        return new ProjectedCrossEntropyKernel(
            name,
            op,
            Product(name, ProductForm.Forward, op.Arithmetic, scope, weight),
            new CrossEntropyKernel<T>(name, pool),
            new CrossEntropyGradientKernel<T>(name, pool),
            Product(name, ProductForm.InputGradient, op.Arithmetic, scope, weight),
            WeightGradient(name, op.Arithmetic, scope, weight));
    }

    ProductTiles<T> Tiles(TrainingArithmetic arithmetic) => (arithmetic == TrainingArithmetic.BFloat16 ? _bfloat16s : _floats).Value;

    ColumnSumKernel<T> Sum(string name, ColumnSum sum, Node node, PlanScope scope, float epsilon)
    {
        TensorType dy = node.Inputs[^1].Type;
        return new ColumnSumKernel<T>(name, sum, pool, scope.Scratch, scope.MostRows(dy), dy.Shape.Last.Size, epsilon);
    }
}
