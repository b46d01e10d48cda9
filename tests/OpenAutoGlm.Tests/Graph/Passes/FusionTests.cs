using OpenAutoGlm.Graph.Ops.Fused;

namespace OpenAutoGlm.Graph.Passes;

/// <summary>Fused equals unfused, by the reference of every op.</summary>
public class FusionTests
{
    /// <summary>How often each pass must fire in two layers of each architecture, in the order of the passes; what is not named fires nowhere.</summary>
    static readonly Dictionary<string, string> Fired = new()
    {
        ["llama"] = "merge-qkv 2, merge-gate-up 2, gate-edge 2, rope-edge 4, kv-write-edge 4, residual-edge 4, gather-norm 1, norm-prologue 5, gate-hand-over 2",
        ["qwen2"] = "merge-qkv 2, merge-gate-up 2, bias-edge 6, gate-edge 2, rope-edge 4, kv-write-edge 4, residual-edge 4, gather-norm 1, norm-prologue 5, gate-hand-over 2",
        ["qwen3"] = "merge-qkv 2, merge-gate-up 2, gate-edge 2, head-norm-edge 4, rope-edge 4, kv-write-edge 4, residual-edge 4, gather-norm 1, norm-prologue 5, gate-hand-over 2",
        ["glm"] = "merge-qkv 2, merge-gate-up 2, bias-edge 6, gate-edge 2, rope-edge 4, kv-write-edge 4, residual-edge 4, gather-norm 1, norm-prologue 5, gate-hand-over 2",
        ["glm4"] = "merge-qkv 2, merge-gate-up 2, bias-edge 6, gate-edge 2, rope-edge 4, kv-write-edge 4, post-norm-residual 4, residual-norm 3, gather-norm 1, norm-prologue 5, gate-hand-over 2",
        ["glm4moe"] = "merge-qkv 2, merge-gate-up 2, bias-edge 6, gate-edge 2, head-norm-edge 4, rope-edge 4, kv-write-edge 4, expert-gate-up 1, expert-combine 1, router-logits 1, residual-edge 5, gather-norm 1, norm-prologue 5, gate-hand-over 2",
        ["qwen3moe"] = "merge-qkv 2, head-norm-edge 4, rope-edge 4, kv-write-edge 4, expert-gate-up 2, expert-combine 2, router-logits 2, residual-edge 4, gather-norm 1, norm-prologue 5",
    };

    public static TheoryData<string> Architectures => SmallModel.Architectures;

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Every_pass_fires_where_it_should(string architecture)
    {
        PassReport report = new PassPipeline().Run(SmallModel.Odd(architecture).Graph, SmallModel.Limits()).Report;
        Assert.Equal(Fired[architecture], string.Join(", ", report.Passes.Where(pass => pass.Fired > 0).Select(pass => $"{pass.Name} {pass.Fired}")));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void All_passes_together_change_no_bit_of_the_reference(string architecture)
    {
        ModelGraph graph = SmallModel.Odd(architecture).Graph;
        Assert.Equal(Reference(graph, "all"), Reference(graph));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Each_pass_alone_and_all_but_each_change_no_bit_of_the_reference(string architecture)
    {
        ModelGraph graph = SmallModel.Odd(architecture).Graph;
        float[] expected = Reference(graph, "all");
        foreach (IGraphPass pass in PassPipeline.All)
        {
            Assert.Equal(expected, Reference(graph, [.. PassPipeline.All.Where(other => other != pass).Select(other => other.Name)]));
            Assert.Equal(expected, Reference(graph, pass.Name));
        }
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Weights_of_different_formats_share_a_step(string architecture)
    {
        ModelGraph graph = SmallModel.Mixed(architecture).Graph;
        Assert.Equal(Reference(graph, "all"), Reference(graph));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void A_second_round_finds_nothing(string architecture)
    {
        PassPipeline pipeline = new();
        ModelGraph once = pipeline.Run(SmallModel.Odd(architecture).Graph, SmallModel.Limits()).Graph;
        (ModelGraph twice, PassReport report) = pipeline.Run(once, SmallModel.Limits());
        Assert.Same(once, twice);
        Assert.All(report.Passes, pass => Assert.Equal(0, pass.Fired));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Passes_in_any_order_change_no_bit(string architecture)
    {
        ModelGraph graph = SmallModel.Odd(architecture).Graph;
        float[] expected = Reference(graph, "all");
        for (int seed = 0; seed < 4; seed++)
        {
            IGraphPass[] passes = [.. PassPipeline.All];
            new Random(seed).Shuffle(passes);
            ModelGraph shuffled = graph;
            foreach (IGraphPass pass in passes)
            {
                shuffled = pass.Apply(shuffled).Graph;
                GraphVerifier.Verify(shuffled);
            }

            using ReferenceInterpreter interpreter = new();
            using Plan plan = interpreter.Lower(shuffled, SmallModel.Limits());
            Assert.Equal(expected, SmallModel.Run(plan, shuffled));
        }
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void A_fused_op_aliases_what_its_ops_alias(string architecture)
    {
        ModelGraph graph = new PassPipeline().Run(SmallModel.Odd(architecture).Graph, SmallModel.Limits()).Graph;
        foreach (Node node in graph.Nodes.Where(node => node.Op is FusedOp))
        {
            Composition whole = ((FusedOp)node.Op).Composed([.. node.Inputs.Select(input => input.Type)]);
            int[] place = [.. Enumerable.Range(0, whole.Types.Count)];
            foreach (ComposedStep step in whole.Steps)
            {
                for (int i = 0; i < step.Outputs.Length; i++)
                {
                    place[step.Outputs[i]] = step.Op.AliasOf(i) is { } alias ? place[step.Inputs[alias]] : step.Outputs[i];
                }
            }

            for (int i = 0; i < node.Outputs.Length; i++)
            {
                int behind = place[whole.Outputs[i]];
                Assert.Equal(behind < node.Inputs.Length ? behind : null, node.Op.AliasOf(i));
            }
        }
    }

    static float[] Reference(ModelGraph graph, params string[] disabled)
    {
        (ModelGraph fused, PassReport report) = new PassPipeline(disabled).Run(graph, SmallModel.Limits());
        using ReferenceInterpreter interpreter = new();
        using Plan lowered = interpreter.Lower(fused, SmallModel.Limits());
        using Plan plan = new(fused, SmallModel.Limits(), lowered.Steps, shared: null, report, graph);
        return SmallModel.Run(plan, graph);
    }
}
