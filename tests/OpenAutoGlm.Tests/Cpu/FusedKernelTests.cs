using OpenAutoGlm.Cpu.Kernels.MatMul;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Passes;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

/// <summary>Fused kernels give the bits of the kernels that they replace, on every instruction set.</summary>
public class FusedKernelTests
{
    static readonly RmsNorm Norm = new(1e-5f);

    public static TheoryData<string> Architectures => SmallModel.Architectures;

    public static TheoryData<InstructionSet> Sets => KernelRun.Sets;

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Whole_models_keep_their_bits_with_every_instruction_set(string architecture)
    {
        foreach (ModelGraph graph in (ModelGraph[])[SmallModel.Odd(architecture).Graph, SmallModel.Mixed(architecture).Graph])
        {
            float[] expected = Run(graph, new CpuOptions { Threads = 1, DisabledPasses = ["all"] });
            foreach (InstructionSet set in InstructionSets.Available)
            {
                float[] actual = Run(graph, new CpuOptions { Threads = 3, Strongest = set, PinThreads = false });
                Assert.True(expected.AsSpan().SequenceEqual(actual), $"{architecture} {set}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Each_pass_alone_and_all_but_each_keep_the_bits(string architecture)
    {
        ModelGraph graph = SmallModel.Mixed(architecture).Graph;
        float[] expected = Run(graph, new CpuOptions { Threads = 1, DisabledPasses = ["all"] });
        foreach (IGraphPass pass in PassPipeline.All)
        {
            string[] others = [.. PassPipeline.All.Where(other => other != pass).Select(other => other.Name)];
            Assert.True(expected.AsSpan().SequenceEqual(Run(graph, new CpuOptions { Threads = 2, DisabledPasses = others })), $"only {pass.Name}");
            Assert.True(expected.AsSpan().SequenceEqual(Run(graph, new CpuOptions { Threads = 2, DisabledPasses = [pass.Name] })), $"all but {pass.Name}");
        }
    }

    [Fact]
    public void Rows_that_are_handed_over_take_no_room_and_cannot_be_looked_at()
    {
        ModelGraph graph = SmallModel.Mixed("llama").Graph;
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        using CpuBackend keeping = new(new CpuOptions { Threads = 2, DisabledPasses = ["gate-hand-over"] });
        using Plan plan = backend.Lower(graph, SmallModel.Limits());
        using Plan kept = keeping.Lower(graph, SmallModel.Limits());
        Value[] handed = [.. plan.Steps.Where(step => step.Node.Op is FusedMatMul { HandsOver: true }).Select(step => step.Node.Outputs[^1])];
        Assert.Equal(2, handed.Length);
        using Execution execution = plan.CreateExecution();
        using Execution other = kept.CreateExecution();
        foreach (Value value in handed)
        {
            Assert.Equal(-1, plan.Arena.Offsets[value.Index]);
            Assert.Contains("gate-hand-over", Assert.Throws<KeyNotFoundException>(() => _ = execution[value]).Message, StringComparison.Ordinal);
            _ = other[kept.Graph.Values.Single(same => same.Name == value.Name)];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rows_for_several_products_at_once_do_not_meet(bool oneAfterTheOther)
    {
        // Two gates run before the products that read them, or the second gate reads what the first hands over while it hands over itself; in more rows than go through a product at once.
        const int Tokens = PanelProduct.MostRows + 9;
        GraphBuilder builder = new("two gates");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 64));
        int seed = 0;
        Value Product(string name, Value rows, int n) => builder.Apply(name, new MatMul(), rows, builder.Weight($"{name}.w", KernelRun.Random(++seed, 1, n, rows.Type.Shape.Last.Size)));
        Value Gated(string name, Value rows) =>
            builder.Apply(name, new Multiply(), builder.Apply($"{name} on", new Activate(Activation.Silu), Product($"{name} gate", rows, 96)), Product($"{name} up", rows, 96));
        Value first = Gated("first", x), second = Gated("second", oneAfterTheOther ? first : x);
        Value down = Product("down", second, 64);
        builder.Output(oneAfterTheOther ? down : builder.Apply("sum", new Add(), Product("down of first", first, 64), down));
        ModelGraph graph = builder.Build();
        PlanLimits limits = new((Dim.Tokens, Tokens));
        using CpuBackend fused = new(new CpuOptions { Threads = 2 });
        using CpuBackend plain = new(new CpuOptions { Threads = 1, DisabledPasses = ["all"] });
        using Plan actual = fused.Lower(graph, limits);
        using Plan expected = plain.Lower(graph, limits);
        Assert.Equal(2, actual.Steps.Count(step => step.Node.Op is FusedMatMul { HandsOver: true }));
        Assert.Equal(Results(expected), Results(actual));

        float[] Results(Plan plan)
        {
            using Execution execution = plan.CreateExecution();
            execution.SetSize(Dim.Tokens, Tokens);
            execution.Bind(x, KernelRun.Random(99, 1, Tokens, 64));
            execution.Run();
            return execution[graph.Outputs[0]].Floats.ToArray();
        }
    }

    [Fact]
    public void Random_graphs_keep_their_bits()
    {
        using CpuBackend fused = new(new CpuOptions { Threads = 2 });
        using CpuBackend plain = new(new CpuOptions { Threads = 1, DisabledPasses = ["all"] });
        for (int seed = 1000; seed < 1100; seed++)
        {
            ModelGraph graph = RandomGraph.Of(seed, steps: 4 + (seed % 20));
            using Plan expected = plain.Lower(graph, RandomGraph.Limits);
            using Plan actual = fused.Lower(graph, RandomGraph.Limits);
            Assert.DoesNotContain(actual.Steps, step => step.Kernel is ReferenceKernel);
            Assert.True(RandomGraph.Run(expected, graph).AsSpan().SequenceEqual(RandomGraph.Run(actual, graph)), $"seed {seed}");
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Projections_with_all_edges_are_those_of_their_ops(InstructionSet set)
    {
        foreach ((int tokens, int k, int headDim, TensorFormat format) in ((int, int, int, TensorFormat)[])
            [(1, 44, 12, TensorFormat.F32), (3, 64, 16, TensorFormat.Q8_0), (5, 256, 80, TensorFormat.Q4_K), (2, 36, 36, TensorFormat.F16), (17, 32, 6, TensorFormat.Q4_0)])
        {
            (int heads, int kvHeads) = (5, 3);
            Rope rope = new(RopePairing.Interleaved, headDim / 2 / 2 * 2, 1000);
            Rope half = new(RopePairing.Half, headDim, 1000);
            FusedMatMul op = new(
                Norm,
                [
                    new Projection { Bias = true, HeadDim = headDim, Norm = Norm, Rope = rope, Factors = true },
                    new Projection { HeadDim = headDim, Norm = Norm, Rope = half, Write = new KvWrite(KvPart.Keys) },
                    new Projection { Bias = true, HeadDim = headDim, Write = new KvWrite(KvPart.Values) },
                    new Projection { Bias = true },
                    new Projection(),
                ]);
            Tensor positions = KernelRun.Ints([.. Enumerable.Range(3, tokens)], tokens);
            Tensor slots = KernelRun.Ints([.. Enumerable.Range(0, tokens)], tokens);
            Tensor Memory() => KernelRun.Random(4, 0, (tokens + 16) / 16, kvHeads, 16, headDim);
            Compare(
                set,
                op,
                KernelRun.Random(1, 1, tokens, k),
                KernelRun.Random(2, 1, k),
                KernelRun.RandomWeights(3, format, heads * headDim, k),
                KernelRun.Random(4, 1, heads * headDim),
                KernelRun.Random(5, 1, headDim),
                positions,
                KernelRun.Random(6, 1, rope.Dims / 2),
                KernelRun.RandomWeights(7, k == 256 ? TensorFormat.Q6_K : format, kvHeads * headDim, k),
                KernelRun.Random(8, 1, headDim),
                positions,
                Memory(),
                slots,
                KernelRun.RandomWeights(9, format, kvHeads * headDim, k),
                KernelRun.Random(10, 1, kvHeads * headDim),
                Memory(),
                slots,
                KernelRun.RandomWeights(11, format, 21, k),
                KernelRun.Random(12, 1, 21),
                KernelRun.RandomWeights(13, TensorFormat.F32, 1, k));
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Sums_gates_and_prologues_are_those_of_their_ops(InstructionSet set)
    {
        foreach ((int rows, int n, int k) in ((int, int, int)[])[(1, 16, 32), (1, 163, 96), (4, 37, 64), (9, 50, 32), (1030, 33, 32)])
        {
            Tensor x = KernelRun.Random(1, 1, rows, k);
            Tensor norm = KernelRun.Random(2, 1, k);
            Tensor w = KernelRun.RandomWeights(3, TensorFormat.Q5_0, n, k);
            Tensor bias = KernelRun.Random(4, 1, n);
            Compare(set, new FusedMatMul(null, [new Projection { Sums = 2 }]), x, w, KernelRun.Random(5, 1, rows, n), KernelRun.Random(6, 1, rows, n));
            Compare(set, new FusedMatMul(Norm, [new Projection { Bias = true, Sums = 1 }]), x, norm, w, bias, KernelRun.Random(5, 1, rows, n));
            Compare(set, new FusedMatMul(Norm, [new Projection { Bias = true }, new Projection()], Activation.Silu), x, norm, w, bias, KernelRun.RandomWeights(7, TensorFormat.F32, n, k));
            Compare(set, new FusedMatMul(new ResidualNorm(Norm, Norm), [new Projection()]), x, KernelRun.Random(8, 1, rows, k), norm, norm, w);
            Compare(set, new FusedMatMul(new ResidualNorm(null, Norm), [new Projection(), new Projection()], Activation.GeluErf), x, KernelRun.Random(8, 1, rows, k), norm, w, w);
            int[] ids = [.. Enumerable.Range(0, rows).Select(row => row * 7 % rows)];
            Compare(set, new FusedMatMul(new GatherNorm(Norm), [new Projection()]), x, KernelRun.Ints(ids, rows), norm, w);
            Compare(set, new FusedMatMul(new GatherNorm(Norm), [new Projection()]), KernelRun.RandomWeights(9, TensorFormat.Q4_0, rows, k), KernelRun.Ints(ids, rows), norm, w);
            Compare(set, new GatherNorm(Norm), x, KernelRun.Ints(ids, rows), norm);
            Compare(set, new ResidualNorm(Norm, null), x, KernelRun.Random(8, 1, rows, k), norm);
            Compare(set, new ResidualNorm(null, Norm), x, KernelRun.Random(8, 1, rows, k), norm);
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Experts_are_those_of_their_ops(InstructionSet set)
    {
        foreach ((int tokens, int used, int experts, int n, int k) in ((int, int, int, int, int)[])[(1, 2, 5, 21, 32), (7, 3, 6, 40, 64), (600, 4, 8, 18, 32)])
        {
            Tensor x = KernelRun.Random(1, 1, tokens, k);
            Tensor norm = KernelRun.Random(2, 1, k);
            Tensor router = KernelRun.Random(3, 1, experts, k);
            Tensor bias = KernelRun.Random(4, 1, experts);
            Router choice = new(RouterScoring.Sigmoid, used, true, 1.5f);
            Compare(set, new FusedRouter(null, choice, false), x, router);
            Compare(set, new FusedRouter(Norm, choice, true), x, norm, router, bias);
            Compare(set, new FusedRouter(new ResidualNorm(null, Norm), choice, true), x, KernelRun.Random(5, 1, tokens, k), norm, router, bias);

            // The last expert is chosen by nobody.
            Random random = new(6);
            int[] chosen = [.. Enumerable.Range(0, tokens).SelectMany(_ => Enumerable.Range(0, experts - 1).OrderBy(_ => random.Next()).Take(used))];
            Tensor pairs = KernelRun.Ints(chosen, tokens, used);
            Tensor gate = KernelRun.RandomWeights(7, TensorFormat.Q4_0, experts, n, k);
            Tensor up = KernelRun.RandomWeights(8, TensorFormat.Q8_0, experts, n, k);
            Tensor shares = KernelRun.Random(9, 1, tokens, used);
            Compare(set, new GatedExpertMatMul(Activation.Silu), x, gate, up, pairs);
            Compare(set, new GatedExpertMatMul(Activation.Relu), KernelRun.Random(10, 1, tokens, used, k), gate, gate, pairs);
            Compare(set, new CombinedExpertMatMul(0), x, gate, pairs, shares);
            Compare(set, new CombinedExpertMatMul(2), KernelRun.Random(11, 1, tokens, used, k), up, pairs, shares, KernelRun.Random(12, 1, tokens, n), KernelRun.Random(13, 1, tokens, n));
        }
    }

    [Fact]
    public void Rows_and_slots_that_do_not_exist_are_refused()
    {
        Tensor x = KernelRun.Random(1, 1, 2, 32);
        Tensor norm = KernelRun.Random(2, 1, 32);
        Tensor w = KernelRun.Random(3, 1, 16, 32);
        InstructionSet best = InstructionSets.Best;
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(best, new FusedMatMul(new GatherNorm(Norm), [new Projection()]), x, KernelRun.Ints([2], 1), norm, w));
        FusedMatMul write = new(null, [new Projection { HeadDim = 16, Write = new KvWrite(KvPart.Values) }]);
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(best, write, x, w, KernelRun.Random(4, 0, 1, 1, 16, 16), KernelRun.Ints([0, 16], 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRun.Of(best, new GatedExpertMatMul(Activation.Silu), x, KernelRun.Random(5, 1, 2, 8, 32), KernelRun.Random(5, 1, 2, 8, 32), KernelRun.Ints([1, 2], 2, 1)));
    }

    [Fact]
    public void A_pass_that_does_not_exist_is_refused_by_the_backend() =>
        Assert.Throws<ArgumentException>(() => new CpuBackend(new CpuOptions { DisabledPasses = ["nonsense"] }));

    static float[] Run(ModelGraph graph, CpuOptions options)
    {
        using CpuBackend backend = new(options);
        using Plan plan = backend.Lower(graph, SmallModel.Limits());
        Assert.DoesNotContain(plan.Steps, step => step.Kernel is ReferenceKernel);
        return SmallModel.Run(plan, graph);
    }

    /// <summary>The fused kernel against the kernels of its ops one after another, between guard pages, with one thread and with two.</summary>
    static void Compare(InstructionSet set, FusedOp op, params Tensor[] inputs)
    {
        Composition whole = op.Composed([.. inputs.Select(input => input.Type)]);
        Tensor[] places = new Tensor[whole.Types.Count];
        Tensor[] own = [.. inputs.Select(input => Copy(input))];
        own.CopyTo(places, 0);
        foreach (ComposedStep step in whole.Steps)
        {
            Tensor[] made = step.Op is FusedOp inner
                ? KernelRun.Of(set, inner, [.. step.Inputs.Select(place => places[place])])
                : KernelRun.Of(set, step.Op, [.. step.Inputs.Select(place => places[place])]);
            for (int i = 0; i < made.Length; i++)
            {
                places[step.Outputs[i]] = made[i];
            }
        }

        foreach (int threads in (int[])[1, 2])
        {
            Tensor[] actual = KernelRun.Of(set, threads, false, op, [.. inputs.Select(input => Copy(input))]);
            for (int i = 0; i < actual.Length; i++)
            {
                KernelRun.AssertSameBits(places[whole.Outputs[i]], actual[i], $"{set} {threads} {op} output {i}");
            }
        }
    }

    static unsafe Tensor Copy(Tensor tensor)
    {
        Tensor copy = GuardedMemory.Allocate(tensor.Format, [.. tensor.Shape.Dims]);
        Buffer.MemoryCopy(tensor.Data, copy.Data, tensor.Bytes, tensor.Bytes);
        GC.KeepAlive(tensor);
        return copy;
    }
}
