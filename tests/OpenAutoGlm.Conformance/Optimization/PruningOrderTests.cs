using OpenAutoGlm.Cpu;
using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Pruning;

namespace OpenAutoGlm.Optimization;

/// <summary>On models that were trained, cheap estimates of importance order heads and layers as measured harm does.</summary>
public sealed class PruningOrderTests
{
    [Theory]
    [InlineData("stories260K")]
    [InlineData("babyllama105")]
    public void The_predicted_order_of_harm_over_all_heads_and_layers_agrees_with_the_measured_one(string name)
    {
        using ModelPackage model = ModelPackage.Open(SharedData.Path("models", name, $"{name}-f32.gguf"));
        using CpuBackend cpu = new(new CpuOptions { Threads = 1, PinThreads = false });
        string text = File.ReadAllText(SharedData.Path("eval", "prose", "war_and_peace_part.txt"));
        TokenWindows held = TokenWindows.Of(model.Tokenizer!, text[(text.Length / 2)..], 128, 16);
        TokenWindows read = TokenWindows.Of(model.Tokenizer!, text[..(text.Length / 2)], 64, 8);
        PrunableUnit[] units = [.. PrunableUnit.Of(model.Config, UnitKind.Head), .. PrunableUnit.Of(model.Config, UnitKind.Layer)];

        using AblationMeter meter = new(model.Config, model.Weights, cpu, held);
        double[] measured = meter.HarmOfEach(units, cancellation: TestContext.Current.CancellationToken);
        double[] predicted = new UnitImportance(model.Config, model.Weights, cpu, read).Of(ImportanceMethod.Sensitivity, units, cancellation: TestContext.Current.CancellationToken);

        Assert.True(RankCorrelation.Spearman(predicted, measured) >= 0.8);
    }
}
