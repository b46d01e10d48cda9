namespace OpenAutoGlm.Graph.Passes;

/// <summary>What holds on architectures holds on any graph.</summary>
public class RandomGraphTests
{
    [Fact]
    public void Passes_change_no_bit_of_the_reference_and_every_fusion_but_gathering_is_met()
    {
        HashSet<string> fired = [];
        for (int seed = 0; seed < 300; seed++)
        {
            ModelGraph graph = RandomGraph.Of(seed, steps: 4 + (seed % 20));
            float[] expected = Run(graph, "all", fired);
            float[] actual = Run(graph, PassPipeline.All[seed % PassPipeline.All.Length].Name, fired);
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"seed {seed}");
            Assert.True(expected.AsSpan().SequenceEqual(Run(graph, null, fired)), $"seed {seed}");
        }

        Assert.Equal(["gather-norm"], PassPipeline.All.Select(pass => pass.Name).Where(name => !fired.Contains(name)));
    }

    static float[] Run(ModelGraph graph, string? disabled, HashSet<string> fired)
    {
        (ModelGraph fused, PassReport report) = new PassPipeline(disabled is null ? [] : [disabled]).Run(graph, RandomGraph.Limits);
        fired.UnionWith(report.Passes.Where(pass => pass.Fired > 0).Select(pass => pass.Name));
        using ReferenceInterpreter interpreter = new();
        using Plan lowered = interpreter.Lower(fused, RandomGraph.Limits);
        using Plan plan = new(fused, RandomGraph.Limits, lowered.Steps, shared: null, report, graph);
        return RandomGraph.Run(plan, graph);
    }
}
