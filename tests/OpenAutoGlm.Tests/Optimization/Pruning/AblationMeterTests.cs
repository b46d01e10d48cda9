using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Export;

namespace OpenAutoGlm.Optimization.Pruning;

public sealed class AblationMeterTests
{
    public static TheoryData<string> Shapes => TinyShapes.Names;

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_silenced_head_harms_as_much_as_zeros_in_the_output_projection(string shape)
    {
        using TinyModel model = new(shape);
        using AblationMeter meter = new(model.Config, model.Weights, model.Cpu, model.Windows);
        WeightOverlay overlay = new(model.Weights);
        int headDim = model.Config.HeadDim;
        TinyModel.ZeroColumns(overlay, "blk.1.attn_output.weight", Enumerable.Range(2 * headDim, headDim));

        double harm = meter.Harm(new PrunableUnit(UnitKind.Head, 1, 2));

        Assert.True(harm > 1e-6);
        Assert.Equal(model.Kl(model.Config, overlay), harm, harm * 0.02);
        Assert.Equal(0, meter.Harm(), 1e-7);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_silenced_layer_harms_as_much_as_one_taken_out(string shape)
    {
        using TinyModel model = new(shape);
        using AblationMeter meter = new(model.Config, model.Weights, model.Cpu, model.Windows);
        PrunedModel pruned = StructuredPruning.WithoutLayers(model.Config, model.Weights, [1]);

        double harm = meter.Harm(new PrunableUnit(UnitKind.Layer, 1, 0));

        Assert.True(harm > 1e-6);
        Assert.Equal(model.Kl(pruned.Config, pruned.Weights), harm, harm * 0.02);
    }

    [Fact]
    public void A_group_is_its_heads_and_a_channel_is_a_column_of_down()
    {
        using TinyModel model = new("glm4-tiny");
        using AblationMeter meter = new(model.Config, model.Weights, model.Cpu, model.Windows);
        Assert.Equal(meter.Harm(new PrunableUnit(UnitKind.Head, 0, 2), new PrunableUnit(UnitKind.Head, 0, 3)), meter.Harm(new PrunableUnit(UnitKind.KvGroup, 0, 1)), 1e-9);

        WeightOverlay overlay = new(model.Weights);
        TinyModel.ZeroColumns(overlay, "blk.0.ffn_down.weight", Enumerable.Range(0, 64));
        double harm = meter.Harm([.. Enumerable.Range(0, 64).Select(channel => new PrunableUnit(UnitKind.Channel, 0, channel))]);
        Assert.Equal(model.Kl(model.Config, overlay), harm, harm * 0.02);
    }

    [Fact]
    public void Text_that_would_not_fit_in_memory_is_refused_with_its_size()
    {
        using TinyModel model = new("llama-tiny");
        ArgumentException error = Assert.Throws<ArgumentException>(() => new AblationMeter(model.Config with { Vocab = 1 << 24 }, model.Weights, model.Cpu, Evaluation.TokenWindows.Of(new int[2048], 64)));
        Assert.Contains("2048 tokens", error.Message, StringComparison.Ordinal);
    }
}
