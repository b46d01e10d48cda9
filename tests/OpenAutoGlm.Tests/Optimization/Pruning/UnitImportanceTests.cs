using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Pruning;

public sealed class UnitImportanceTests
{
    [Theory]
    [InlineData(ImportanceMethod.Magnitude)]
    [InlineData(ImportanceMethod.Activation)]
    [InlineData(ImportanceMethod.BlockInfluence)]
    [InlineData(ImportanceMethod.Sensitivity)]
    [InlineData(ImportanceMethod.Ablation)]
    public void A_unit_that_does_nothing_is_the_least_important_of_its_layer(ImportanceMethod method)
    {
        using TinyModel model = new("glm4-tiny");
        WeightOverlay overlay = new(model.Weights);
        TinyModel.ZeroColumns(overlay, "blk.1.attn_output.weight", Enumerable.Range(2 * 64, 64));
        UnitImportance importance = new(model.Config, overlay, model.Cpu, model.Windows, seed: 3);

        double[] heads = importance.Of(method, [.. PrunableUnit.Of(model.Config, UnitKind.Head).Where(unit => unit.Layer == 1)], cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(2, Array.IndexOf(heads, heads.Min()));
        Assert.True(heads[2] < 1e-6 && heads.Where((_, head) => head != 2).All(value => value > 0));
    }

    [Fact]
    public void Random_masks_find_the_head_that_does_nothing_among_the_others()
    {
        using TinyModel model = new("llama-tiny");
        WeightOverlay overlay = new(model.Weights);
        TinyModel.ZeroColumns(overlay, "blk.0.attn_output.weight", Enumerable.Range(64, 64));
        TokenWindows windows = TokenWindows.Of([.. Enumerable.Range(0, 800).Select(i => ((i * 37) + (i / 7)) % 250)], 4);
        PrunableUnit[] units = [.. PrunableUnit.Of(model.Config, UnitKind.Head)];

        double[] heads = new UnitImportance(model.Config, overlay, model.Cpu, windows, seed: 5).Of(ImportanceMethod.RandomMasks, units, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(1, Array.IndexOf(heads, heads.Min()));
        Assert.Equal(heads, new UnitImportance(model.Config, overlay, model.Cpu, windows, seed: 5).Of(ImportanceMethod.RandomMasks, units, cancellation: TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("qwen3moe-tiny")]
    [InlineData("glm4moe-tiny")]
    public void Every_method_has_a_number_for_every_kind_of_unit(string shape)
    {
        using TinyModel model = new(shape);
        UnitImportance importance = new(model.Config, model.Weights, model.Cpu, model.Windows);
        foreach (ImportanceMethod method in Enum.GetValues<ImportanceMethod>())
        {
            foreach (UnitKind kind in Enum.GetValues<UnitKind>())
            {
                PrunableUnit[] units = [.. PrunableUnit.Of(model.Config, kind).Take(12)];
                Assert.All(importance.Of(method, units, cancellation: TestContext.Current.CancellationToken), value => Assert.True(double.IsFinite(value)));
            }
        }
    }
}
