using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Ops.Fused;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Graph.Passes;

/// <summary>Where a pattern must not fire, and what must stay when it does.</summary>
public class PatternTests
{
    static readonly PlanLimits Limits = new((Dim.Tokens, 8), (Dim.KvBlocks, 8));

    readonly GraphBuilder _graph = new("pattern");
    readonly Value _x;

    public PatternTests() => _x = _graph.Input("x", TensorType.F32(Dim.Tokens, 6));

    [Fact]
    public void A_product_that_someone_else_reads_keeps_its_edge_free()
    {
        Value y = Product("y");
        _graph.Output(_graph.Apply("biased", new Add(), y, Weight("bias", 6)));
        _graph.Output(_graph.Apply("other", new Scale(2), y));
        Assert.Empty(Fired());
    }

    [Fact]
    public void A_product_that_is_an_output_keeps_its_edge_free()
    {
        Value y = Product("y");
        _graph.Output(y);
        _graph.Output(_graph.Apply("biased", new Add(), y, Weight("bias", 6)));
        _graph.Output(_graph.Apply("residual", new Add(), _x, Product("z")));
        Assert.Equal(["residual-edge"], Fired());
    }

    [Fact]
    public void A_product_with_itself_is_no_gate()
    {
        Value y = Product("y");
        _graph.Output(_graph.Apply("product", new Multiply(), _graph.Apply("active", new Activate(Activation.Silu), y), y));
        Assert.Empty(Fired());
    }

    [Fact]
    public void A_gate_whose_activation_is_read_elsewhere_is_merged_but_not_applied()
    {
        Value active = _graph.Apply("active", new Activate(Activation.Silu), Product("gate"));
        _graph.Output(_graph.Apply("product", new Multiply(), active, Product("up")));
        _graph.Output(_graph.Apply("other", new Scale(2), active));
        Assert.Equal(["merge-gate-up"], Fired());
    }

    [Fact]
    public void Gate_and_up_of_different_rows_stay_apart()
    {
        Value other = _graph.Input("other", TensorType.F32(Dim.Tokens, 6));
        Value up = _graph.Apply("up", new MatMul(), other, Weight("up.w", 6, 6));
        _graph.Output(_graph.Apply("product", new Multiply(), _graph.Apply("active", new Activate(Activation.Silu), Product("gate")), up));
        Assert.Empty(Fired());
    }

    [Fact]
    public void The_gate_comes_first_wherever_it_stands()
    {
        _graph.Output(_graph.Apply("product", new Multiply(), Product("up"), _graph.Apply("active", new Activate(Activation.Silu), Product("gate"))));
        Assert.Equal(["merge-gate-up", "gate-edge"], Fired());
    }

    [Fact]
    public void What_a_gate_makes_is_handed_over_to_its_only_reader()
    {
        Value made = _graph.Apply("made", new Multiply(), _graph.Apply("active", new Activate(Activation.Silu), Product("gate")), Product("up"));
        _graph.Output(_graph.Apply("down", new MatMul(), made, Weight("down.w", 6, 6)));
        Assert.Equal(["merge-gate-up", "gate-edge", "gate-hand-over"], Fired());
    }

    [Fact]
    public void What_a_gate_makes_for_two_stays_where_it_is()
    {
        Value made = _graph.Apply("made", new Multiply(), _graph.Apply("active", new Activate(Activation.Silu), Product("gate")), Product("up"));
        _graph.Output(_graph.Apply("down", new MatMul(), made, Weight("down.w", 6, 6)));
        _graph.Output(_graph.Apply("other", new Scale(2), made));
        Assert.Equal(["merge-gate-up", "gate-edge"], Fired());
    }

    [Fact]
    public void A_norm_whose_rows_are_read_twice_is_no_prologue()
    {
        Value normed = _graph.Apply("normed", new RmsNorm(1e-5f), _x, Weight("norm", 6));
        _graph.Output(_graph.Apply("y", new MatMul(), normed, Weight("w", 6, 6)));
        _graph.Output(_graph.Apply("z", new Scale(2), normed));
        Assert.Empty(Fired());
    }

    [Fact]
    public void A_sum_is_not_added_to_the_product_that_would_make_it()
    {
        // y = s + W · norm(s) with s = a + b: either the sum is on the edge or before the norm, never both in a circle.
        Value sum = _graph.Apply("sum", new Add(), _x, _graph.Apply("scaled", new Scale(2), _x));
        Value normed = _graph.Apply("normed", new RmsNorm(1e-5f), sum, Weight("norm", 6));
        _graph.Output(_graph.Apply("y", new Add(), sum, _graph.Apply("product", new MatMul(), normed, Weight("w", 6, 6))));
        Assert.Equal(["residual-edge", "residual-norm"], Fired());
        Assert.Equal(["residual-norm", "norm-prologue"], Fired("residual-edge"));
    }

    [Fact]
    public void The_sum_of_a_product_with_what_depends_on_it_stays_a_sum()
    {
        Value y = Product("y");
        _graph.Output(_graph.Apply("sum", new Add(), y, _graph.Apply("scaled", new Scale(2), y)));
        Assert.Empty(Fired());
    }

    [Fact]
    public void Keys_are_not_written_early_when_someone_reads_the_memory_before()
    {
        TensorType memory = TensorType.F32(Dim.KvBlocks, 3, 16, 2);
        Value slots = _graph.Input("slots", TensorType.I32(Dim.Tokens));
        Value state = _graph.State("keys", memory);
        Value keys = _graph.Apply("heads", new Reshape(new Shape(Dim.Tokens, 3, 2)), Product("k"));
        _graph.Output(_graph.Apply("before", new Scale(2), state));
        _graph.Output(_graph.Apply("after", new Scale(2), _graph.Apply("written", new KvWrite(KvPart.Keys), state, keys, slots)));
        Assert.Empty(Fired());
    }

    [Fact]
    public void Positions_that_are_computed_are_waited_for()
    {
        Value ids = _graph.Input("ids", TensorType.I32(Dim.Tokens));
        Value chosen = _graph.ApplyMany("router", new Router(RouterScoring.Softmax, 1, true, 1), _x)[0];
        Value positions = _graph.Apply("positions", new Reshape(new Shape(Dim.Tokens)), chosen);
        Value heads = _graph.Apply("heads", new Reshape(new Shape(Dim.Tokens, 2, 3)), Product("q"));
        _graph.Output(_graph.Apply("turned", new Rope(RopePairing.Half, 2, 100), heads, positions));
        _graph.Output(_graph.Apply("rows", new GatherRows(), Weight("table", 4, 6), ids));
        Assert.Empty(Fired());
    }

    [Fact]
    public void A_product_with_a_computed_weight_is_left_alone()
    {
        Value weight = _graph.Input("w", TensorType.F32(6, 6));
        Value y = _graph.Apply("y", new MatMul(), _x, weight);
        _graph.Output(_graph.Apply("biased", new Add(), y, Weight("bias", 6)));
        Assert.Empty(Fired());
    }

    [Fact]
    public void Equal_expressions_are_computed_once_and_dead_ones_never()
    {
        Value a = _graph.Apply("a", new Scale(2), _x);
        Value b = _graph.Apply("b", new Scale(2), _x);
        Value c = _graph.Apply("c", new Scale(3), a);
        Value d = _graph.Apply("d", new Scale(3), b);
        _graph.Apply("dead", new Scale(4), d);
        _graph.Output(_graph.Apply("sum", new Multiply(), c, d));
        ModelGraph after = After();
        Assert.Equal(3, after.Nodes.Length);
        Assert.Equal(["merge-equal", "remove-dead"], Fired());
    }

    [Fact]
    public void What_depends_on_constants_only_becomes_one_and_keeps_its_name()
    {
        Value folded = _graph.Apply("folded", new Add(), Weight("one", 6), Weight("two", 6));
        Value more = _graph.Apply("more", new Scale(2), folded);
        _graph.Output(more);
        _graph.Output(_graph.Apply("y", new Add(), _x, more));
        ModelGraph after = After();
        Assert.Equal(ValueKind.Weight, after["more"].Kind);
        Assert.Same(after["more"], after.Outputs[0]);
        Assert.Single(after.Nodes);
        Assert.Equal(["fold-constants"], Fired());
    }

    [Fact]
    public void Nodes_that_do_nothing_go_unless_they_name_an_output()
    {
        Value a = _graph.Apply("a", new Scale(1), _x);
        Value b = _graph.Apply("b", new Columns(0, 6), a);
        Value c = _graph.Apply("c", new Reshape(new Shape(Dim.Tokens, 2, 3)), b);
        Value d = _graph.Apply("d", new Reshape(new Shape(Dim.Tokens, 6)), c);
        _graph.Output(_graph.Apply("y", new Scale(2), d));
        _graph.Output(_graph.Apply("same", new Scale(1), _x));
        ModelGraph after = After();
        Assert.Equal(["y", "same"], after.Nodes.Select(node => node.Outputs[0].Name).Order(StringComparer.Ordinal).Reverse());
    }

    [Fact]
    public void A_pass_that_does_not_exist_is_refused_with_those_that_do()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new PassPipeline("rope-edge", "nonsense"));
        Assert.Contains("'nonsense'", error.Message, StringComparison.Ordinal);
        Assert.Contains("norm-prologue", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Switching_everything_off_leaves_the_graph_as_it_is()
    {
        _graph.Output(_graph.Apply("biased", new Add(), Product("y"), Weight("bias", 6)));
        ModelGraph graph = _graph.Build();
        (ModelGraph same, PassReport report) = new PassPipeline("ALL").Run(graph, Limits);
        Assert.Same(graph, same);
        Assert.All(report.Passes, pass => Assert.False(pass.Enabled));
        Assert.Contains("off", report.Print(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_was_fused_away_is_asked_for_in_vain()
    {
        Value y = Product("y");
        _graph.Output(_graph.Apply("biased", new Add(), y, Weight("bias", 6)));
        ModelGraph graph = _graph.Build();
        (ModelGraph fused, PassReport report) = new PassPipeline().Run(graph, Limits);
        using ReferenceInterpreter interpreter = new();
        using Plan plan = new(fused, Limits, interpreter.Lower(fused, Limits).Steps, shared: null, report, graph);
        using Execution execution = plan.CreateExecution();
        execution.SetSize(Dim.Tokens, 1);
        execution.SetSize(Dim.KvBlocks, 1);
        execution.Bind(_x, Tensor.Of(new float[6], 1, 6));
        execution.Run();
        Assert.Equal(6, execution[graph["biased"]].RowLength);
        Assert.Contains("no value y: F32[tokens, 6]", Assert.Throws<KeyNotFoundException>(() => execution[y].RowLength).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Five_thousand_nodes_take_milliseconds()
    {
        // Every node hangs on the same hub as well as on its neighbour, and most of them fuse.
        Value y = _x;
        for (int i = 0; i < 1700; i++)
        {
            Value normed = _graph.Apply($"normed{i}", new RmsNorm(1e-5f), y, Weight("norm", 6));
            y = _graph.Apply($"sum{i}", new Add(), _x, _graph.Apply($"product{i}", new MatMul(), normed, Weight("w", 6, 6)));
        }

        _graph.Output(y);
        ModelGraph graph = _graph.Build();
        new PassPipeline().Run(graph, Limits);
        long start = TimeProvider.System.GetTimestamp();
        (ModelGraph fused, PassReport report) = new PassPipeline().Run(graph, Limits);
        double elapsedMs = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
        Assert.Equal(1700, fused.Nodes.Length);
        Assert.Equal(5100, report.Before.Kernels);
        Assert.All(fused.Nodes, node => Assert.IsType<FusedMatMul>(node.Op));
        Assert.True(elapsedMs < 2000, $"{elapsedMs} ms");
    }

    Value Weight(string name, params ReadOnlySpan<Dim> dims)
    {
        Tensor tensor = Tensor.Allocate(Formats.TensorFormat.F32, dims);
        return _graph.Weight(name, tensor);
    }

    Value Product(string name) => _graph.Apply(name, new MatMul(), _x, Weight($"{name}.w", 6, 6));

    ModelGraph After(params string[] disabled) => new PassPipeline(disabled).Run(_graph.Build(), Limits).Graph;

    string[] Fired(params string[] disabled) =>
        [.. new PassPipeline(disabled).Run(_graph.Build(), Limits).Report.Passes.Where(pass => pass.Fired > 0).Select(pass => pass.Name)];
}
