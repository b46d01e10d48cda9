using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph;

public class GraphTests
{
    static readonly PlanLimits Limits = new((Dim.Tokens, 8), (Dim.KvBlocks, 8));

    [Fact]
    public void Shapes_that_do_not_fit_are_refused_with_both_types()
    {
        GraphBuilder builder = new("misfit");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 3));
        Value w = builder.Weight("w", Tensor.Of(new float[8], 2, 4));
        GraphException error = Assert.Throws<GraphException>(() => builder.Apply("y", new MatMul(), x, w));
        Assert.Contains("[tokens, 3]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[2, 4]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reshape_must_keep_the_symbols_and_the_count()
    {
        GraphBuilder builder = new("reshape");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 6));
        Assert.Equal("F32[tokens, 2, 3]", builder.Apply("ok", new Reshape(new Shape(Dim.Tokens, 2, 3)), x).Type.ToString());
        Assert.Throws<GraphException>(() => builder.Apply("count", new Reshape(new Shape(Dim.Tokens, 5)), x));
        Assert.Throws<GraphException>(() => builder.Apply("symbol", new Reshape(new Shape(6)), x));
    }

    [Fact]
    public void A_name_is_given_once()
    {
        GraphBuilder builder = new("names");
        builder.Input("x", TensorType.F32(2));
        Assert.Throws<GraphException>(() => builder.Input("x", TensorType.F32(2)));
    }

    [Fact]
    public void A_weight_asked_for_twice_is_one_value()
    {
        GraphBuilder builder = new("tied");
        Value once = builder.Weight("w", Tensor.Of([1f, 2], 2));
        Assert.Same(once, builder.Weight("w", Tensor.Of([1f, 2], 2)));
        Assert.Throws<GraphException>(() => builder.Weight("w", Tensor.Of([1f], 1)));
    }

    [Fact]
    public void A_value_used_before_its_node_is_refused()
    {
        ModelGraph graph = Chain();
        ModelGraph reversed = graph with { Nodes = [.. graph.Nodes.Reverse()] };
        Assert.Contains("before it exists", Assert.Throws<GraphException>(() => GraphVerifier.Verify(reversed)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_assigned_twice_is_refused()
    {
        ModelGraph graph = Chain();
        ModelGraph twice = graph with { Nodes = [.. graph.Nodes, graph.Nodes[0]] };
        Assert.Contains("twice", Assert.Throws<GraphException>(() => GraphVerifier.Verify(twice)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_that_was_cut_out_leaves_its_value_without_origin()
    {
        ModelGraph graph = Chain();
        Assert.Throws<GraphException>(() => GraphVerifier.Verify(graph with { Nodes = graph.Nodes[..^1] }));
    }

    [Fact]
    public void A_state_read_under_its_old_name_after_a_write_is_refused()
    {
        GraphBuilder builder = new("stale");
        Value state = builder.State("keys", TensorType.F32(Dim.KvBlocks, 1, 16, 2));
        Value rows = builder.Input("rows", TensorType.F32(Dim.Tokens, 1, 2));
        Value slots = builder.Input("slots", TensorType.I32(Dim.Tokens));
        builder.Apply("written", new KvWrite(KvPart.Values), state, rows, slots);
        builder.Apply("late", new Scale(2), state);
        Assert.Contains("old name", Assert.Throws<GraphException>(builder.Build).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_keeps_what_was_written_from_run_to_run()
    {
        GraphBuilder builder = new("memory");
        Value state = builder.State("keys", TensorType.F32(Dim.KvBlocks, 1, 16, 2));
        Value rows = builder.Input("rows", TensorType.F32(Dim.Tokens, 1, 2));
        Value slots = builder.Input("slots", TensorType.I32(Dim.Tokens));
        builder.Output(builder.Apply("doubled", new Scale(2), builder.Apply("written", new KvWrite(KvPart.Values), state, rows, slots)));
        ModelGraph graph = builder.Build();
        using ReferenceInterpreter interpreter = new();
        using Plan plan = interpreter.Lower(graph, Limits);
        using Execution execution = plan.CreateExecution();
        Tensor memory = Tensor.Allocate(Formats.TensorFormat.F32, 1, 1, 16, 2);
        execution.Bind(state, memory);
        execution.SetSize(Dim.KvBlocks, 1);
        execution.SetSize(Dim.Tokens, 1);
        execution.Bind(rows, Tensor.Of([1f, 2], 1, 1, 2));
        execution.Bind(slots, Tensor.Of([0], 1));
        execution.Run();
        execution.Bind(slots, Tensor.Of([2], 1));
        execution.Run();
        Assert.Equal([1, 2, 0, 0, 1, 2], memory.ToFloats()[..6]);
        Assert.Equal([2, 4, 0, 0, 2, 4], execution[graph.Outputs[0]].Floats[..6].ToArray());
    }

    [Fact]
    public void Values_that_never_live_together_share_memory_and_others_never_do()
    {
        GraphBuilder builder = new("products");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 1));
        for (int i = 0; i < 4; i++)
        {
            x = builder.Apply($"step{i}", new MatMul(), x, builder.Weight("w", Tensor.Of([2f], 1, 1)));
        }

        builder.Output(x);
        ModelGraph graph = builder.Build();
        ArenaLayout arena = ArenaLayout.Of(graph, graph.Nodes, Limits);
        Assert.True(arena.Bytes < arena.UnsharedBytes, $"{arena.Bytes} of {arena.UnsharedBytes}");
        for (int i = 1; i < graph.Nodes.Length; i++)
        {
            Assert.NotEqual(arena.Offsets[graph.Nodes[i].Inputs[0].Index], arena.Offsets[graph.Nodes[i].Outputs[0].Index]);
        }
    }

    [Fact]
    public void An_elementwise_result_takes_the_place_of_an_input_that_nobody_reads_any_more()
    {
        ModelGraph chain = Chain();
        ArenaLayout arena = ArenaLayout.Of(chain, chain.Nodes, Limits);
        Assert.All(chain.Nodes, node => Assert.Equal(0, arena.Offsets[node.Outputs[0].Index]));
        Assert.Equal(64, arena.Bytes);
        Assert.Equal(4 * 64, arena.UnsharedBytes);
    }

    [Fact]
    public void A_value_that_is_read_later_or_twice_or_put_out_is_not_overwritten()
    {
        GraphBuilder builder = new("kept");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 1));
        Value output = builder.Apply("output", new Scale(2), x);
        builder.Output(output);
        Value later = builder.Apply("later", new Scale(3), output);
        Value view = builder.Apply("view", new Reshape(new Shape(Dim.Tokens, 1, 1)), later);
        Value twice = builder.Apply("twice", new Add(), later, later);
        builder.Output(builder.Apply("sum", new Add(), twice, builder.Apply("flat", new Reshape(new Shape(Dim.Tokens, 1)), view)));
        ModelGraph graph = builder.Build();
        ArenaLayout arena = ArenaLayout.Of(graph, graph.Nodes, Limits);
        long[] places = [arena.Offsets[output.Index], arena.Offsets[later.Index], arena.Offsets[twice.Index]];
        Assert.Equal(3, places.Distinct().Count());
        Assert.Equal(arena.Offsets[later.Index], arena.Offsets[view.Index]);
    }

    [Fact]
    public void A_shared_arena_computes_what_separate_memory_would()
    {
        // A random graph of sums whose values all feed later nodes; the oracle is plain arithmetic.
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            GraphBuilder builder = new("random");
            List<(Value Value, double[] Expected)> values = [];
            double[] start = [1, 2, 3];
            values.Add((builder.Weight("start", Tensor.Of([1f, 2, 3], 3)), start));
            for (int i = 0; i < 30; i++)
            {
                var (left, leftValues) = values[random.Next(Math.Max(0, values.Count - 6), values.Count)];
                var (right, rightValues) = values[random.Next(values.Count)];
                Value half = builder.Apply($"half{i}", new Scale(0.5f), left);
                values.Add((builder.Apply($"sum{i}", new Add(), half, right), [.. leftValues.Zip(rightValues, (a, b) => (a / 2) + b)]));
            }

            builder.Output(values[^1].Value);
            using ReferenceInterpreter interpreter = new();
            using Plan plan = interpreter.Lower(builder.Build(), new PlanLimits());
            using Execution execution = plan.CreateExecution();
            execution.Run();
            float[] result = execution[values[^1].Value].Floats.ToArray();
            Assert.Equal(values[^1].Expected, result.Select(value => (double)value), (a, b) => Math.Abs(a - b) <= 1e-5 * Math.Abs(a));
        }
    }

    [Fact]
    public void Sizes_beyond_the_limits_and_missing_inputs_are_refused()
    {
        using ReferenceInterpreter interpreter = new();
        using Plan plan = interpreter.Lower(Chain(), Limits);
        using Execution execution = plan.CreateExecution();
        Assert.Throws<ArgumentOutOfRangeException>(() => execution.SetSize(Dim.Tokens, 9));
        Assert.Throws<ArgumentOutOfRangeException>(() => execution.SetSize(Dim.Tokens, 0));
        execution.SetSize(Dim.Tokens, 4);
        Assert.Throws<InvalidOperationException>(() => execution.Run());
        execution.Bind(plan.Graph["x"], Tensor.Of(new float[3], 3, 1));
        Assert.Throws<InvalidOperationException>(() => execution.Run());
        execution.Bind(plan.Graph["x"], Tensor.Of(new float[4], 4, 1));
        execution.Run();
    }

    [Fact]
    public void Slices_of_rows_and_stacks_do_not_copy()
    {
        Tensor whole = Tensor.Of([1f, 2, 3, 4, 5, 6], 3, 2);
        Tensor slice = whole.Rows(1, 2);
        whole.View.Floats[2] = 30;
        Assert.Equal([30, 4, 5, 6], slice.ToFloats());
        Assert.Throws<ArgumentOutOfRangeException>(() => whole.Rows(2, 2));
        Tensor stack = Tensor.Stack([slice, whole.Rows(0, 2)]);
        Assert.Equal("F32[2, 2, 2]", stack.ToString());
        Assert.Equal([30, 4, 5, 6, 1, 2, 30, 4], stack.ToFloats());
        Assert.Throws<ArgumentException>(() => Tensor.Stack([slice, whole]));
    }

    static ModelGraph Chain()
    {
        GraphBuilder builder = new("chain");
        Value x = builder.Input("x", TensorType.F32(Dim.Tokens, 1));
        for (int i = 0; i < 4; i++)
        {
            x = builder.Apply($"step{i}", new Scale(2), x);
        }

        builder.Output(x);
        return builder.Build();
    }
}
