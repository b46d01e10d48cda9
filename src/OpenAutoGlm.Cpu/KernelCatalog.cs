using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.Attention;
using OpenAutoGlm.Cpu.Kernels.Elementwise;
using OpenAutoGlm.Cpu.Kernels.Experts;
using OpenAutoGlm.Cpu.Kernels.Fused;
using OpenAutoGlm.Cpu.Kernels.Layout;
using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Kernels.Normalisation;
using OpenAutoGlm.Cpu.Kernels.Rope;
using OpenAutoGlm.Cpu.Kernels.Training;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

/// <summary>Picks a kernel for a node: by op, by the format of the weight, by instruction set.</summary>
abstract class KernelCatalog
{
    /// <summary>The catalog of one instruction set.</summary>
    internal static KernelCatalog For(InstructionSet set, WorkerPool pool, CodeLibrary code, bool exactArithmetic) => set switch
    {
        InstructionSet.Avx512 => new KernelCatalog<Lanes512>("avx512", pool, code, exactArithmetic),
        InstructionSet.Avx2 => new KernelCatalog<Lanes256>("avx2", pool, code, exactArithmetic),
        InstructionSet.Vector128 => new KernelCatalog<Lanes128>("v128", pool, code, exactArithmetic),
        InstructionSet.Scalar => new KernelCatalog<LanesScalar>("scalar", pool, code, exactArithmetic),
        _ => throw new ArgumentOutOfRangeException(nameof(set), set, "No such instruction set."),
    };

    /// <summary>The functions that the kernels may have emitted.</summary>
    internal abstract CodeLibrary Code { get; }

    /// <summary>A new kernel for the node.</summary>
    internal abstract Kernel Pick(Node node, PlanScope scope);

    /// <summary>How activations of <paramref name="k"/> elements are multiplied with weights of a format.</summary>
    internal abstract PanelProduct Product(TensorFormat format, int k);
}

/// <summary>The kernels over one kind of lanes.</summary>
sealed class KernelCatalog<T>(string set, WorkerPool pool, CodeLibrary code, bool exactArithmetic) : KernelCatalog
    where T : struct, ILanes<T>
{
    readonly TrainingKernels<T> _training = new(set, pool, code);

    internal override CodeLibrary Code => code;

    internal override Kernel Pick(Node node, PlanScope scope)
    {
        string name = $"{node.Op.Name} {set}";
        return node.Op switch
        {
            Reshape => new ReshapeKernel(),
            Columns columns => new ColumnsKernel(name, pool, columns.Start),
            GatherRows => new GatherRowsKernel<T>(name, pool, Table(node.Inputs[0], scope)),
            Add => new BinaryKernel<T, SumOf<T>>(name, pool),
            Multiply => new BinaryKernel<T, ProductOf<T>>(name, pool),
            Scale scale => new UnaryKernel<T, ScaleOf<T>>(name, pool, scale.Factor),
            Activate activate => Of(activate.Function, name),
            RmsNorm norm => new RmsNormKernel<T>(name, pool, norm.Epsilon),
            LayerNorm norm => new LayerNormKernel<T>(name, pool, norm.Epsilon),
            Softmax => new SoftmaxKernel<T>(name, pool),
            Rope rope => new RopeKernel<T>(name, pool, rope, scope.Angles(rope, node.Inputs[1], node.Inputs.Length == 3 ? node.Inputs[2] : null)),
            KvWrite write => new KvWriteKernel<T>(name, pool, write.Part),
            PagedAttention attention => Attention(node, attention, scope),
            Router router => new RouterKernel(name, pool, router, node.Inputs[0].Type.Shape.Last.Size),
            CombineExperts => new CombineExpertsKernel<T>(name, pool),
            MatMul => RowsTimesWeight(node, scope),
            ExpertMatMul => RowsTimesExperts(node, scope),
            FusedMatMul fused => Fused(fused, node, scope),
            FusedRouter fused => Fused(fused, node, scope),
            GatedExpertMatMul => Gated(node, scope),
            CombinedExpertMatMul => Combined(node, scope),
            ResidualNorm or GatherNorm => Rows(name, node, scope),
            _ => _training.Pick(node, scope) ?? new ReferenceKernel(node.Op),
        };
    }

    internal override PanelProduct Product(TensorFormat format, int k) => format switch
    {
        TensorFormat.F32 or TensorFormat.F16 => new FloatProduct<T>(code, format, k),
        TensorFormat.BF16 when exactArithmetic => new FloatProduct<T>(code, format, k),
        TensorFormat.BF16 when MatrixProduct.Serves(code, k) => new PairMatrixProduct(code, k),
        TensorFormat.BF16 => new PairProduct<T>(code, k, MatrixProduct.Orders(code, k)),
        _ when exactArithmetic => new FloatProduct<T>(code, format, k),
        _ when code.TakesAllAsBFloat16 && MatrixProduct.Serves(code, k) => new QuantizedMatrixProduct(code, format, k),
        _ when code.Has(EmittedFeatures.Vnni) => new EmittedProduct(code, format, k),
        TensorFormat.Q4_0 => new QuantizedProduct<T, Shape32x15>(format, k),
        TensorFormat.Q4_1 or TensorFormat.Q4_K => new QuantizedProduct<T, Shape32x15Min>(format, k),
        TensorFormat.Q5_0 or TensorFormat.MXFP4 => new QuantizedProduct<T, Shape32x31>(format, k),
        TensorFormat.Q5_1 or TensorFormat.Q5_K => new QuantizedProduct<T, Shape32x31Min>(format, k),
        TensorFormat.Q8_0 or TensorFormat.IQ4_NL or TensorFormat.IQ4_XS => new QuantizedProduct<T, Shape32x255>(format, k),
        TensorFormat.Q6_K => new QuantizedProduct<T, Shape16x63>(format, k),
        TensorFormat.Q3_K => new QuantizedProduct<T, Shape16x7>(format, k),
        TensorFormat.Q2_K => new QuantizedProduct<T, Shape16x3Min>(format, k),
        _ => throw new NotSupportedException($"There is no product with {format} weights."),
    };

    PagedAttentionKernel Attention(Node node, PagedAttention op, PlanScope scope)
    {
        (Shape queries, TensorType keys) = (node.Inputs[0].Type.Shape, node.Inputs[1].Type);
        AttentionShape shape = new(
            queries[1].Size, keys.Shape[1].Size, queries[2].Size, scope.Limits.Of(queries[0]), scope.Limits.Of(node.Inputs[5].Type.Shape[1]) * op.BlockTokens);
        EmittedSpans? emitted = keys.Format is TensorFormat.BF16 or TensorFormat.Q8_0 ? EmittedSpans.Of(code, shape.HeadDim) : null;
        SpanKernels spans = emitted is not null ? emitted
            : keys.Format is TensorFormat.F32 or TensorFormat.F16 ? new LaneSpans<T, FloatElements<T>>(shape.HeadDim)
            : code.Order == PairOrder.Tiles && shape.HeadDim % AttentionMatrixCode.TileElements == 0 ? new LaneSpans<T, TiledElements<T>>(shape.HeadDim)
            : new LaneSpans<T, BFloat16Elements<T>>(shape.HeadDim);
        string name = $"{op.Name} {keys.Format} {(emitted is null ? set : emitted is MatrixSpans ? "matrix" : "emitted")}";
        return new PagedAttentionKernel(name, pool, op, shape, spans, KvUnpacking.Of<T>(keys.Format, shape.HeadDim, code), scope.Scratch);
    }

    MatMulKernel RowsTimesWeight(Node node, PlanScope scope)
    {
        TensorType x = node.Inputs[0].Type;
        PanelProduct product = Product(node.Inputs[1].Type.Format, x.Shape.Last.Size);
        return new MatMulKernel($"MatMul {product.Name} {set}", pool, product, node.Inputs[1], scope.Weights, scope.Scratch, scope.MostRows(x));
    }

    ExpertMatMulKernel RowsTimesExperts(Node node, PlanScope scope)
    {
        (TensorType x, TensorType weight, TensorType chosen) = (node.Inputs[0].Type, node.Inputs[1].Type, node.Inputs[2].Type);
        PanelProduct product = Product(weight.Format, x.Shape.Last.Size);
        return new ExpertMatMulKernel(
            $"ExpertMatMul {product.Name} {set}",
            pool,
            product,
            node.Inputs[1],
            scope.Weights,
            scope.Scratch,
            scope.Limits.Of(x.Shape[0]),
            weight.Shape[0].Size,
            chosen.Shape.Last.Size,
            rowForEach: x.Shape.Rank == 3);
    }

    FusedMatMulKernel<T> Fused(FusedMatMul op, Node node, PlanScope scope)
    {
        int k = node.Inputs[op.InputsOf(0).Weight].Type.Shape.Last.Size;
        List<ProjectionEdge<T>> parts = [];
        List<(RopeAngles Angles, int PositionsInput)> turns = [];
        for (int i = 0; i < op.Parts.Length; i++)
        {
            ProjectionInputs at = op.InputsOf(i);
            Value weight = node.Inputs[at.Weight];
            PanelProduct product = Product(weight.Type.Format, k);
            RopeAngles? angles = null;
            if (op.Parts[i].Rope is { } rope)
            {
                angles = scope.Angles(rope, node.Inputs[at.Positions], at.Factors < 0 ? null : node.Inputs[at.Factors]);
                turns.Add((angles, at.Positions));
            }

            parts.Add(new ProjectionEdge<T>(op.Parts[i], at, product, new WeightPanels(weight, product, pool, scope.Weights), angles, op.PrologueOutputs + i));
        }

        int mostRows = scope.Limits.Of(op.Prologue is GatherNorm ? node.Inputs[1].Type.Shape[0] : node.Inputs[0].Type.Shape[0]);
        IEnumerable<PanelProduct> products = parts.Select(part => part.Product);
        HandedRows? given = op.HandsOver ? HandOver(node.Outputs[^1], scope) : null;
        HandedRows? taken = op.Prologue is null ? scope.TakeOver(node.Inputs[0]) : null;
        RowStage<T> stage = new(
            pool, new RowPrologue<T>(op.Prologue, k, keep: false, Table(op.Prologue, node, scope)), k, taken is null ? products : [], Math.Min(mostRows, PanelProduct.MostRows), turns);
        string name = $"FusedMatMul {string.Join('+', products.Select(product => product.Name).Distinct())} {set}";
        return new FusedMatMulKernel<T>(name, pool, node, stage, [.. parts], scope.Scratch, mostRows, taken, given);
    }

    /// <summary>A place for rows that the next product takes as it multiplies them; null where its weights want them in several ways.</summary>
    HandedRows? HandOver(Value rows, PlanScope scope)
    {
        Node reader = scope.ReaderOf(rows);
        FusedMatMul op = (FusedMatMul)reader.Op;
        Activations[] wanted = [.. Enumerable.Range(0, op.Parts.Length).Select(i => Product(reader.Inputs[op.InputsOf(i).Weight].Type.Format, rows.Type.Shape.Last.Size).Activations).Distinct()];
        return wanted.Length == 1 ? scope.HandOver(rows, wanted[0]) : null;
    }

    FusedRouterKernel<T> Fused(FusedRouter op, Node node, PlanScope scope)
    {
        TensorType weight = node.Inputs[op.PrologueInputs].Type;
        PanelProduct product = Product(weight.Format, weight.Shape.Last.Size);
        int mostRows = scope.Limits.Of(node.Outputs[^1].Type.Shape[0]);
        RowPrologue<T> prologue = new(op.Prologue, weight.Shape.Last.Size, keep: true, Table(op.Prologue, node, scope));
        RowStage<T> stage = new(pool, prologue, weight.Shape.Last.Size, [product], Math.Min(mostRows, PanelProduct.MostRows), []);
        return new FusedRouterKernel<T>($"FusedRouter {product.Name} {set}", pool, node, stage, product, scope, mostRows);
    }

    GatedExpertKernel<T> Gated(Node node, PlanScope scope)
    {
        int k = node.Inputs[0].Type.Shape.Last.Size;
        (PanelProduct gate, PanelProduct up) = (Product(node.Inputs[1].Type.Format, k), Product(node.Inputs[2].Type.Format, k));
        return new GatedExpertKernel<T>($"GatedExpertMatMul {gate.Name} {set}", pool, node, gate, up, scope);
    }

    CombinedExpertKernel<T> Combined(Node node, PlanScope scope)
    {
        PanelProduct product = Product(node.Inputs[1].Type.Format, node.Inputs[0].Type.Shape.Last.Size);
        return new CombinedExpertKernel<T>($"CombinedExpertMatMul {product.Name} {set}", pool, node, product, scope);
    }

    RowPrologueKernel<T> Rows(string name, Node node, PlanScope scope)
    {
        int k = node.Outputs[0].Type.Shape.Last.Size;
        long rowBytes = Scratch.Lines(k * sizeof(float));
        scope.Scratch.Require(rowBytes * pool.Threads);
        return new RowPrologueKernel<T>(name, pool, new RowPrologue<T>(node.Op, k, keep: true, Table(node.Op, node, scope)), scope.Scratch, rowBytes);
    }

    RowTable<T>? Table(Op? prologue, Node node, PlanScope scope) => prologue is GatherNorm ? Table(node.Inputs[0], scope) : null;

    RowTable<T> Table(Value table, PlanScope scope) => scope.IsMultiplied(table)
        ? new RowTable<T>(new WeightPanels(table, Product(table.Type.Format, table.Type.Shape.Last.Size), pool, scope.Weights))
        : new RowTable<T>(panels: null);

    Kernel Of(Activation function, string name) => function switch
    {
        Activation.Silu => new UnaryKernel<T, SiluOf<T>>(name, pool),
        Activation.Sigmoid => new UnaryKernel<T, SigmoidOf<T>>(name, pool),
        Activation.GeluTanh => new UnaryKernel<T, GeluTanhOf<T>>(name, pool),
        Activation.GeluErf => new UnaryKernel<T, GeluErfOf<T>>(name, pool),
        Activation.Relu => new UnaryKernel<T, ReluOf<T>>(name, pool),
        _ => throw new NotSupportedException($"There is no activation {function}."),
    };
}
