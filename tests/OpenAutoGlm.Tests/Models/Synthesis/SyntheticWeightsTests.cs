using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Models.Synthesis;

public sealed class SyntheticWeightsTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Models => new()
    {
        { "llama-tiny", "Q8_0" }, { "qwen3-tiny", "Q4_K_M" }, { "glm4-tiny", "BF16" }, { "glm4moe-tiny", "Q4_0" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Models))]
    public void A_model_costs_before_it_is_written_what_it_costs_afterwards(string name, string format)
    {
        ModelShape shape = ModelShape.Find(name);
        string path = _folder.File("model.gguf");
        ModelSynthesizer.Write(shape, format, path, cancellation: TestContext.Current.CancellationToken);
        using ModelPackage written = ModelPackage.Open(path);
        SyntheticWeights planned = new(shape, format);

        // Llama's factors are a tensor of the file; before, the graph makes them from the rule.
        foreach (string weight in written.Weights.Names.Where(weight => weight != "rope_freqs.weight"))
        {
            Assert.Equal(written.Weights.Get(weight).Type, planned.Get(weight).Type);
        }

        GraphCost before = GraphCost.Of(Architecture.Build(shape.Config, planned, new GraphOptions()));
        GraphCost after = GraphCost.Of(Architecture.Build(written.Config, written.Weights, new GraphOptions()));
        Assert.Equal(after.WeightBytes, before.WeightBytes);
        Assert.Equal(after.OperationsPerToken, before.OperationsPerToken);
        Assert.Equal(after.KvBytesPerToken, before.KvBytesPerToken);
    }

    [Fact]
    public void A_weight_that_the_shape_does_not_have_is_refused_by_name() =>
        Assert.Contains("blk.9.attn_q.weight", Assert.Throws<ModelFormatException>(() => new SyntheticWeights(ModelShape.Find("glm4-tiny"), "Q8_0").Get("blk.9.attn_q.weight")).Message);
}
