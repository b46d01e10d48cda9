using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Export;

namespace OpenAutoGlm.Optimization.Pruning;

public sealed class PruningAdvisorTests
{
    static readonly MachineLimits Machine = new(20e9, 200e9);

    [Theory]
    [InlineData("llama-tiny")]
    [InlineData("glm4moe-tiny")]
    public void Every_way_is_measured_and_the_least_harmful_stands_first(string shape)
    {
        using TinyModel model = new(shape);
        PruningAdvice advice = new PruningAdvisor(model.Config, model.Weights, model.Cpu, model.Windows, model.Windows, Machine).Advise(measure: true, ImportanceMethod.Activation, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(advice.Options.Select(option => option.Harm).Order(), advice.Options.Select(option => option.Harm));
        Assert.All(advice.Options, option => Assert.True(option.IsMeasured && option.Harm >= 0));
        PruningOption layer = advice.Options.Single(option => option.Command == "--layers 1");
        Assert.True(layer.BytesSaved > 0.05 && layer.DecodeGain > 1.05 && layer.PrefillGain > 1.05);
        Assert.All(advice.Options.Where(option => option.Command?.StartsWith("--sparsity", StringComparison.Ordinal) ?? false), option =>
        {
            Assert.Equal(0, option.BytesSaved);
            Assert.StartsWith("Not for this engine", option.Verdict, StringComparison.Ordinal);
        });
        Assert.Equal(shape == "glm4moe-tiny", advice.Options.Any(option => option.Name.Contains("experts", StringComparison.Ordinal)));
        Assert.Contains("decoding ×", advice.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_not_measured_is_marked_as_predicted()
    {
        using TinyModel model = new("qwen3-tiny");
        PruningAdvice advice = new PruningAdvisor(model.Config, model.Weights, model.Cpu, model.Windows, model.Windows, Machine).Advise(measure: false, cancellation: TestContext.Current.CancellationToken);
        Assert.NotEmpty(advice.Options);
        Assert.All(advice.Options, option => Assert.True(!option.IsMeasured && option.Perplexity is null && double.IsFinite(option.Harm)));
        Assert.Contains("predicted", advice.Notes[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Skipping_by_activation_silences_the_share_that_was_asked_for_and_is_honest_about_runs()
    {
        using TinyModel model = new("llama-tiny");
        using AblationMeter meter = new(model.Config, model.Weights, model.Cpu, model.Windows);
        DynamicSparsity half = DynamicSparsity.Measure(model.Config, model.Weights, model.Cpu, model.Windows, meter, 0.5, TestContext.Current.CancellationToken);
        DynamicSparsity most = DynamicSparsity.Measure(model.Config, model.Weights, model.Cpu, model.Windows, meter, 0.9, TestContext.Current.CancellationToken);
        Assert.Equal(0.5, half.Silent, 0.05);
        Assert.True(half.SilentRuns < 0.01 && !half.Gains);
        Assert.True(most.Silent > 0.8 && most.SilentRuns < most.Silent && most.Harm > half.Harm);
    }
}
