using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Export;

namespace OpenAutoGlm.Optimization.Pruning;

public sealed class StructuredPruningTests
{
    public static TheoryData<string> Shapes => TinyShapes.Names;

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Channels_groups_and_heads_that_do_nothing_can_go_without_a_change_of_the_logits(string shape)
    {
        using TinyModel model = new(shape);
        ModelConfig config = model.Config;
        bool dense = config.Experts is not { DenseLayers: 0 };
        Func<PrunableUnit, double> importance = unit => Useless(unit) ? 0 : 1 + unit.Index;
        WeightOverlay overlay = new(model.Weights);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            TinyModel.ZeroColumns(overlay, $"blk.{layer}.attn_output.weight", Enumerable.Range(0, config.Heads).Where(head => Useless(new(UnitKind.Head, layer, head))).SelectMany(head => Enumerable.Range(head * config.HeadDim, config.HeadDim)));
            if (overlay.TryGet($"blk.{layer}.ffn_down.weight", out _))
            {
                TinyModel.ZeroColumns(overlay, $"blk.{layer}.ffn_down.weight", Enumerable.Range(0, config.Inner).Where(channel => Useless(new(UnitKind.Channel, layer, channel))));
            }
        }

        float[] expected = model.Logits(config, overlay);
        List<PrunedModel> all = [StructuredPruning.WithHeads(config, overlay, importance, config.Heads / 2)];
        if (dense)
        {
            PrunedModel channels = StructuredPruning.WithChannels(config, overlay, importance, config.Inner / 2);
            all.Add(channels);
            all.Add(StructuredPruning.WithHeads(channels.Config, channels.Weights, importance, config.Heads / 2));
        }

        foreach (PrunedModel pruned in all)
        {
            Assert.All(pruned.Removed, unit => Assert.True(Useless(unit)));
            Assert.All(expected.Zip(model.Logits(pruned.Config, pruned.Weights)), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }

        // Every second one, the other half in odd layers: no pattern that a copy of the first rows would pass.
        static bool Useless(PrunableUnit unit) => (unit.Index + unit.Layer) % 2 == 0;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_group_that_goes_harms_as_much_as_one_that_is_silenced(string shape)
    {
        using TinyModel model = new(shape);
        using AblationMeter meter = new(model.Config, model.Weights, model.Cpu, model.Windows);
        PrunedModel pruned = StructuredPruning.WithKvGroups(model.Config, model.Weights, unit => (unit.Layer + unit.Index) % 2, 1);

        Assert.Equal((model.Config.Heads / 2, 1), (pruned.Config.Heads, pruned.Config.KvHeads));
        double harm = meter.Harm(pruned.Removed);
        Assert.Equal(harm, model.Kl(pruned.Config, pruned.Weights), harm * 0.02);
    }

    [Theory]
    [InlineData("glm4moe-tiny")]
    [InlineData("qwen3moe-tiny")]
    public void An_expert_that_goes_harms_as_much_as_one_that_is_silenced(string shape)
    {
        using TinyModel model = new(shape);
        using AblationMeter meter = new(model.Config, model.Weights, model.Cpu, model.Windows);
        int count = model.Config.Experts!.Count;
        PrunedModel pruned = StructuredPruning.WithExperts(model.Config, model.Weights, unit => unit.Index == (unit.Layer + 1) % count ? 0 : 1, count - 1);

        Assert.Equal(count - 1, pruned.Config.Experts!.Count);
        double harm = meter.Harm(pruned.Removed);
        Assert.True(harm > 0);
        Assert.Equal(harm, model.Kl(pruned.Config, pruned.Weights), harm * 0.02);
        Assert.Throws<ArgumentException>(() => StructuredPruning.WithExperts(model.Config, model.Weights, _ => 0, 1));
    }

    [Fact]
    public void A_dense_layer_of_a_mixture_that_goes_is_no_longer_counted_as_dense()
    {
        using TinyModel model = new("glm4moe-tiny");
        PrunedModel pruned = StructuredPruning.WithoutLayers(model.Config, model.Weights, [0]);
        Assert.Equal((2, 0), (pruned.Config.Layers, pruned.Config.Experts!.DenseLayers));
        Assert.NotEmpty(model.Logits(pruned.Config, pruned.Weights));
        Assert.Throws<ArgumentException>(() => StructuredPruning.WithoutLayers(model.Config, model.Weights, [0, 1, 2]));
        Assert.Throws<ArgumentException>(() => StructuredPruning.WithoutLayers(model.Config, model.Weights, [7]));
    }

    [Fact]
    public void What_does_not_divide_is_refused_with_what_would()
    {
        using TinyModel model = new("glm4-tiny");
        ArgumentException error = Assert.Throws<ArgumentException>(() => StructuredPruning.WithHeads(model.Config, model.Weights, _ => 0, 3));
        Assert.Contains("a multiple of 2", error.Message, StringComparison.Ordinal);

        using TinyModel blocks = new("glm4-tiny", "Q4_K");
        Assert.Equal(256, StructuredPruning.ChannelsToKeep(blocks.Config, blocks.Weights, 100));
        Assert.Equal(96, StructuredPruning.ChannelsToKeep(model.Config, model.Weights, 100));
        Assert.Throws<NotSupportedException>(() => StructuredPruning.WithChannels(blocks.Config, blocks.Weights, unit => unit.Index, 96));
    }

    [Fact]
    public void Whole_blocks_are_copied_and_single_columns_are_rounded_anew()
    {
        float[] values = [.. Enumerable.Range(0, 4 * 128).Select(i => MathF.Sin(i * 0.7f))];
        Tensor blocks = Quantized(values, 4, 128);
        Tensor whole = KeptParts.Columns("w", blocks, [.. Enumerable.Range(32, 32), .. Enumerable.Range(96, 32)]);
        float[] original = blocks.ToFloats();
        Assert.Equal(original[32..64].Concat(original[96..128]), whole.ToFloats()[..64]);

        int[] odd = [.. Enumerable.Range(0, 64).Select(i => (2 * i) + 1)];
        float[] single = KeptParts.Columns("w", blocks, odd).ToFloats();
        Assert.All(Enumerable.Range(0, 64), i => Assert.Equal(original[odd[i]], single[i], 0.01f));
    }

    [Fact]
    public void A_pruned_model_that_was_written_and_opened_says_the_same()
    {
        using TinyModel model = new("glm-tiny", "Q8_0");
        PrunedModel layers = StructuredPruning.WithoutLayers(model.Config, model.Weights, [0]);
        PrunedModel groups = StructuredPruning.WithKvGroups(layers.Config, layers.Weights, unit => unit.Index, 1);
        PrunedModel pruned = StructuredPruning.WithChannels(groups.Config, groups.Weights, unit => unit.Index % 3, 160);
        ModelExporter.Write(model.Package, pruned.Config, pruned.Weights, new ExportOptions(ExportFormat.Gguf), model.File("pruned.gguf"), null, TestContext.Current.CancellationToken);

        using ModelPackage opened = ModelPackage.Open(model.File("pruned.gguf"));
        Assert.Equal(pruned.Config, opened.Config);
        Assert.Equal(model.Logits(pruned.Config, pruned.Weights), model.Logits(opened.Config, opened.Weights));
    }

    static unsafe Tensor Quantized(float[] values, int rows, int columns)
    {
        Tensor tensor = Tensor.Allocate(TensorFormat.Q8_0, rows, columns);
        for (int row = 0; row < rows; row++)
        {
            BlockFormat.Of(TensorFormat.Q8_0).Quantize(values.AsSpan(row * columns, columns), [], new Span<byte>(tensor.Data + (row * tensor.RowBytes), (int)tensor.RowBytes));
        }

        return tensor;
    }
}
