using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Cpu;

public class CpuBackendTests
{
    static readonly Dim Tokens = Dim.Tokens;

    [Fact]
    public void A_step_allocates_nothing_on_the_managed_heap()
    {
        ModelGraph graph = Layer();
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        using Plan plan = backend.Lower(graph, new PlanLimits((Tokens, 16), (Dim.Sequences, 1), (Dim.Blocks, 2), (Dim.KvBlocks, 2)));
        using Execution execution = plan.CreateExecution();
        Bind(graph, execution, tokens: 5);
        execution.Run();
        execution.Run();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 10; round++)
        {
            execution.Run();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Every_op_of_a_layer_has_a_kernel_and_agrees_with_the_reference_interpreter()
    {
        ModelGraph graph = Layer();
        using CpuBackend backend = new(new CpuOptions { Threads = 2, ExactArithmetic = true });
        using ReferenceInterpreter reference = new();
        Assert.DoesNotContain(backend.Lower(graph, Limits()).Steps, step => step.Kernel is ReferenceKernel);
        float[] expected = Run(reference, graph);
        float[] actual = Run(backend, graph);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.Second, pair.First - 1e-4, pair.First + 1e-4));
    }

    [Fact]
    public void Threads_and_instruction_sets_do_not_change_a_bit()
    {
        ModelGraph graph = Layer();
        using CpuBackend first = new(new CpuOptions { Threads = 1 });
        float[] expected = Run(first, graph);
        foreach (InstructionSet set in InstructionSets.Available)
        {
            using CpuBackend backend = new(new CpuOptions { Threads = 3, Strongest = set, PinThreads = false });
            Assert.Equal(expected, Run(backend, graph));
        }
    }

    [Theory, MemberData(nameof(TableFormats))]
    public unsafe void A_table_that_is_multiplied_too_is_read_from_its_panels_and_not_from_the_file(TensorFormat format)
    {
        // 19 rows leave a remainder of a panel.
        (int rows, int k) = (19, 512);
        int[] ids = [18, 0, 7, 18];
        foreach (InstructionSet set in InstructionSets.Available)
        {
            Tensor table = KernelRun.RandomWeights(5, format, rows, k);
            GraphBuilder builder = new("tied");
            Value weight = builder.Weight("table", table);
            Value picked = builder.Apply("picked", new GatherRows(), weight, builder.Input("ids", TensorType.I32(Tokens)));
            Value normed = builder.Apply("normed", new RmsNorm(1e-5f), picked, Weight(builder, "norm.w", TensorFormat.F32, k));
            builder.Output(picked);
            builder.Output(builder.Apply("logits", new MatMul(), normed, weight));
            ModelGraph graph = builder.Build();
            float[] expected = new float[ids.Length * k];
            for (int i = 0; i < ids.Length; i++)
            {
                table.View.ReadRow(ids[i], expected.AsSpan(i * k, k));
            }

            using CpuBackend backend = new(new CpuOptions { Threads = 2, Strongest = set });
            using Plan plain = backend.LowerPlain(graph, new PlanLimits((Tokens, 4)));
            using Plan fused = backend.Lower(graph, new PlanLimits((Tokens, 4)));
            new Span<byte>(table.Data, (int)table.Bytes).Fill(0xFF);
            (float[] rowsOfPlain, float[] logitsOfPlain) = Results(plain);
            (float[] rowsOfFused, float[] logitsOfFused) = Results(fused);
            Assert.Equal(expected, rowsOfPlain);
            Assert.Equal(expected, rowsOfFused);
            Assert.Equal(logitsOfPlain, logitsOfFused);
            Assert.DoesNotContain(float.NaN, logitsOfFused);

            (float[] Rows, float[] Logits) Results(Plan plan)
            {
                using Execution execution = plan.CreateExecution();
                execution.Bind(plan.Graph["ids"], Tensor.Of(ids, ids.Length));
                execution.SetSize(Tokens, ids.Length);
                execution.Run();
                return (execution[plan.Graph.Outputs[0]].Floats.ToArray(), execution[plan.Graph.Outputs[1]].Floats.ToArray());
            }
        }
    }

    public static TheoryData<TensorFormat> TableFormats => [TensorFormat.F32, TensorFormat.F16, TensorFormat.BF16, .. BlockFormat.All.OfType<QuantizedFormat>().Select(format => format.Format)];

    [Theory]
    [InlineData("", 0)]
    [InlineData("amx", 4)]
    [InlineData("VNNI, bf16,", 3)]
    public void Instructions_can_be_left_out_by_name(string names, int unwanted)
    {
        Assert.Equal((EmittedFeatures)unwanted, CodeLibrary.Unwanted(names));
        Assert.Contains("'sse'", Assert.Throws<NotSupportedException>(() => CodeLibrary.Unwanted("sse")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_description_names_threads_and_instruction_set()
    {
        using CpuBackend backend = new(new CpuOptions { Threads = 1, Strongest = InstructionSet.Scalar, ExactArithmetic = true });
        Assert.Equal("cpu", backend.Name);
        Assert.Equal("Scalar, 1 thread, exact arithmetic", backend.Description);
    }

    [Fact]
    public void Options_that_cannot_be_met_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CpuBackend(new CpuOptions { Threads = 0 }));
        Assert.Throws<NotSupportedException>(() => new CpuBackend(new CpuOptions { BFloat16Arithmetic = true, ExactArithmetic = true }));
        Assert.Contains("int8 is the default", Assert.Throws<NotSupportedException>(() => new CpuBackend(new CpuOptions { BFloat16Arithmetic = true, EmitCode = false })).Message, StringComparison.Ordinal);
        if (InstructionSets.Best < InstructionSet.Avx512)
        {
            Assert.Throws<NotSupportedException>(() => new CpuBackend(new CpuOptions { Strongest = InstructionSet.Avx512 }));
        }
    }

    /// <summary>A small layer with attention and experts: every op that language models use.</summary>
    static ModelGraph Layer()
    {
        (int hidden, int heads, int headDim, int experts) = (64, 2, 32, 4);
        GraphBuilder graph = new("layer");
        Value ids = graph.Input("ids", TensorType.I32(Tokens));
        Value positions = graph.Input("positions", TensorType.I32(Tokens));
        Value slots = graph.Input("slots", TensorType.I32(Tokens));
        Value sequences = graph.Input("sequences", TensorType.I32(Tokens));
        Value table = graph.Input("table", TensorType.I32(Dim.Sequences, Dim.Blocks));
        Value x = graph.Apply("embed", new GatherRows(), Weight(graph, "embed.w", TensorFormat.Q8_0, 50, hidden), ids);
        Value normed = graph.Apply("norm", new RmsNorm(1e-5f), x, Weight(graph, "norm.w", TensorFormat.F32, hidden));
        Value Heads(string name, TensorFormat format)
        {
            Value y = graph.Apply(name, new MatMul(), normed, Weight(graph, name + ".w", format, hidden, hidden));
            return graph.Apply(name + ".heads", new Reshape(new Shape(Tokens, heads, headDim)), y);
        }

        Rope rope = new(RopePairing.Half, headDim, 10000);
        Value queries = graph.Apply("q.rope", rope, Heads("q", TensorFormat.Q4_0), positions);
        Value keys = graph.Apply("k.rope", rope, Heads("k", TensorFormat.Q8_0), positions);
        TensorType memory = KvLayout.StateType(TensorFormat.BF16, heads, 16, headDim);
        Value keyMemory = graph.Apply("k.write", new KvWrite(KvPart.Keys), graph.State("keys", memory), keys, slots);
        Value valueMemory = graph.Apply("v.write", new KvWrite(KvPart.Values), graph.State("values", memory), Heads("v", TensorFormat.F16), slots);
        Value attended = graph.Apply("attention", new PagedAttention(0.2f, 16), queries, keyMemory, valueMemory, positions, sequences, table);
        x = graph.Apply("residual", new Add(), x, graph.Apply("rows", new Reshape(new Shape(Tokens, hidden)), attended));
        x = graph.Apply("layernorm", new LayerNorm(1e-5f), x, Weight(graph, "ln.w", TensorFormat.F32, hidden), Weight(graph, "ln.b", TensorFormat.F32, hidden));
        Value logits = graph.Apply("router.logits", new MatMul(), x, Weight(graph, "router.w", TensorFormat.F32, experts, hidden));
        IReadOnlyList<Value> routed = graph.ApplyMany("router", new Router(RouterScoring.Softmax, 2, true, 1), logits);
        Value up = graph.Apply("up", new ExpertMatMul(), x, Weight(graph, "up.w", TensorFormat.Q5_0, experts, hidden, hidden), routed[0]);
        Value active = graph.Apply("silu", new Activate(Activation.Silu), up);
        Value product = graph.Apply("product", new Multiply(), active, graph.Apply("scaled", new Scale(0.5f), active));
        Value down = graph.Apply("down", new ExpertMatMul(), product, Weight(graph, "down.w", TensorFormat.Q4_1, experts, hidden, hidden), routed[0]);
        Value combined = graph.Apply("combined", new CombineExperts(), down, routed[1]);
        Value some = graph.Apply("columns", new Columns(7, 33), combined);
        graph.Output(graph.Apply("y", new Softmax(), some));
        return graph.Build();
    }

    static Value Weight(GraphBuilder graph, string name, TensorFormat format, params ReadOnlySpan<Dim> dims) =>
        graph.Weight(name, KernelRun.RandomWeights(name.Length, format, dims));

    static PlanLimits Limits() => new((Tokens, 16), (Dim.Sequences, 1), (Dim.Blocks, 2), (Dim.KvBlocks, 2));

    static void Bind(ModelGraph graph, Execution execution, int tokens)
    {
        int[] counting = [.. Enumerable.Range(0, tokens)];
        execution.Bind(graph["ids"], Tensor.Of([.. counting.Select(i => (i * 17) % 50)], tokens));
        execution.Bind(graph["positions"], Tensor.Of(counting, tokens));
        execution.Bind(graph["slots"], Tensor.Of([.. counting.Select(i => i + 16)], tokens));
        execution.Bind(graph["sequences"], Tensor.Of(new int[tokens], tokens));
        execution.Bind(graph["table"], Tensor.Of([1, 0], 1, 2));
        execution.Bind(graph["keys"], Tensor.Allocate(TensorFormat.BF16, 2, 2, 16, 32));
        execution.Bind(graph["values"], Tensor.Allocate(TensorFormat.BF16, 2, 2, 16, 32));
        execution.SetSize(Tokens, tokens);
        execution.SetSize(Dim.Sequences, 1);
        execution.SetSize(Dim.Blocks, 2);
        execution.SetSize(Dim.KvBlocks, 2);
    }

    static float[] Run(IBackend backend, ModelGraph graph)
    {
        using Plan plan = backend.Lower(graph, Limits());
        using Execution execution = plan.CreateExecution();
        Bind(graph, execution, tokens: 11);
        execution.Run();
        return execution[graph.Outputs[0]].Floats.ToArray();
    }
}
