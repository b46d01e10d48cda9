using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

public class WeightTransformsTests
{
    [Theory]
    [InlineData("llama")]
    [InlineData("llama-tied")]
    [InlineData("qwen2")]
    [InlineData("glm")]
    [InlineData("glm4")]
    [InlineData("glm4moe")]
    public void Scaled_models_compute_what_they_computed_before(string architecture)
    {
        using TinyModel model = new(architecture);
        model.PlantOutliers(8);
        ActivationStatistics statistics = model.Statistics();
        float[] before = model.Logits();
        foreach (TransformedWeights changed in (TransformedWeights[])
            [
                WeightTransforms.Awq(model.Config, model.Weights, statistics, new AwqOptions(TensorFormat.Q4_0) { Steps = 4 }, null, TestContext.Current.CancellationToken),
                WeightTransforms.SmoothQuant(model.Config, model.Weights, statistics, 0.5, null, TestContext.Current.CancellationToken),
            ])
        {
            Assert.InRange(TinyModel.Distance(before, model.Logits(changed.Config, changed.Weights)), 1e-9, 1e-4);
            Assert.Contains(changed.Steps, step => step.Strength > 0);
            Assert.All(changed.Steps, step => Assert.False(step.ErrorAfter > step.ErrorBefore));
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("llama-tied")]
    [InlineData("qwen2")]
    [InlineData("glm")]
    public void A_turned_model_computes_what_it_computed_before_with_smaller_outliers(string architecture)
    {
        using TinyModel model = new(architecture);
        Tensor embedding = Tensor.Of(model.Weights.Get("token_embd.weight").ToFloats(), model.Config.Vocab, model.Config.Hidden);
        for (int row = 0; row < model.Config.Vocab; row++)
        {
            embedding.View.Row(row)[7] *= 10;
        }

        model.Weights.Replace("token_embd.weight", embedding);
        float[] before = model.Logits();
        TransformedWeights turned = WeightTransforms.Rotate(model.Config, model.Weights, seed: 5);

        Assert.InRange(TinyModel.Distance(before, model.Logits(turned.Config, turned.Weights)), 1e-9, 1e-4);
        Assert.False(turned.Config.TiedEmbeddings);
        Assert.All(turned.Weights.Get("blk.1.attn_norm.weight").ToFloats(), value => Assert.Equal(1, value));
        Assert.NotEqual(embedding.ToFloats()[..96], turned.Weights.Get("token_embd.weight").ToFloats()[..96]);

        string first = architecture == "glm" ? "blk.0.attn_qkv.weight" : "blk.0.attn_q.weight";
        Assert.True(model.Statistics().TryGet(first, out ColumnStatistics? plain));
        Assert.True(model.Statistics(turned.Config, turned.Weights).TryGet(first, out ColumnStatistics? spread));
        Assert.True(OutlierRatio(spread) < 0.6 * OutlierRatio(plain), $"{OutlierRatio(spread)} of {OutlierRatio(plain)}");
    }

    [Fact]
    public void Models_with_norms_behind_their_branches_or_with_experts_are_not_turned_and_say_why()
    {
        using TinyModel sandwich = new("glm4");
        Assert.Contains(
            "blk.0.post_attention_norm.weight",
            Assert.Throws<NotSupportedException>(() => WeightTransforms.Rotate(sandwich.Config, sandwich.Weights, 1)).Message,
            StringComparison.Ordinal);
        using TinyModel experts = new("glm4moe");
        Assert.Contains("experts", Assert.Throws<NotSupportedException>(() => WeightTransforms.Rotate(experts.Config, experts.Weights, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sites_are_norms_ups_and_values_of_every_layer_and_slices_of_fused_weights()
    {
        using TinyModel llama = new("llama");
        Assert.Equal(
            ["blk.0.attn_norm.weight", "blk.0.attn_v.weight", "blk.0.ffn_norm.weight", "blk.0.ffn_up.weight"],
            Sites(llama).Take(4).Select(site => site.Name));
        Assert.Equal(2, Sites(llama)[1].Sharing);
        Assert.Equal("output_norm.weight", Sites(llama)[^1].Name);

        using TinyModel glm = new("glm");
        ScaleSite values = Sites(glm)[1], up = Sites(glm)[3];
        Assert.Equal([new WeightRows("blk.0.attn_qkv.weight", 192, 64), new WeightRows("blk.0.attn_qkv.bias", 192, 64)], values.Producers);
        Assert.Equal([new WeightRows("blk.0.ffn_up.weight", 160, 160)], up.Producers);

        static ImmutableArray<ScaleSite> Sites(TinyModel model) => ScaleSite.Of(Architecture.Build(model.Config, model.Weights, new GraphOptions())).Sites;
    }

    [Fact]
    public void What_is_shared_or_read_by_experts_is_left_alone_with_the_reason()
    {
        using TinyModel tied = new("llama-tied");
        Refusal shared = Assert.Single(WeightTransforms.SmoothQuant(tied.Config, tied.Weights, tied.Statistics(), 0.5, null, TestContext.Current.CancellationToken).Refused);
        Assert.Contains("token_embd.weight is used elsewhere", shared.Reason, StringComparison.Ordinal);

        using TinyModel moe = new("glm4moe");
        TransformedWeights smoothed = WeightTransforms.SmoothQuant(moe.Config, moe.Weights, moe.Statistics(), 0.5, null, TestContext.Current.CancellationToken);
        Assert.Contains(smoothed.Refused, refusal => refusal.Where.Contains("ffn_gate_exps", StringComparison.Ordinal) && refusal.Reason.Contains("experts", StringComparison.Ordinal));
        Assert.Contains(smoothed.Steps, step => step.Where == "blk.1.ffn_up_shexp.weight");
    }

    [Fact]
    public void Scales_found_by_error_make_rounding_lose_less()
    {
        using TinyModel model = new("llama");
        model.PlantOutliers(16);
        ActivationStatistics statistics = model.Statistics();
        TransformedWeights scaled = WeightTransforms.Awq(model.Config, model.Weights, statistics, new AwqOptions(TensorFormat.Q4_0), null, TestContext.Current.CancellationToken);
        float[] exact = model.Logits();
        double plain = TinyModel.Rms(exact, model.Logits(weights: model.Rounded(model.Weights, TensorFormat.Q4_0)));
        double better = TinyModel.Rms(exact, model.Logits(weights: model.Rounded(scaled.Weights, TensorFormat.Q4_0)));

        Assert.True(better < 0.9 * plain, $"{better} of {plain}");
    }

    [Fact]
    public void Smoothing_takes_outliers_from_activations_and_int8_loses_less()
    {
        using TinyModel model = new("llama");
        model.PlantOutliers(50);
        ActivationStatistics statistics = model.Statistics();
        TransformedWeights smoothed = WeightTransforms.SmoothQuant(model.Config, model.Weights, statistics, 0.5, null, TestContext.Current.CancellationToken);
        Assert.True(statistics.TryGet("blk.0.attn_q.weight", out ColumnStatistics? before));
        Assert.True(model.Statistics(weights: smoothed.Weights).TryGet("blk.0.attn_q.weight", out ColumnStatistics? after));
        Assert.True(OutlierRatio(after) < 0.3 * OutlierRatio(before), $"{OutlierRatio(after)} of {OutlierRatio(before)}");

        // Q8_0 weights meet activations rounded to int8 in blocks of 32.
        float[] exact = model.Logits();
        double plain = TinyModel.Rms(exact, model.Logits(weights: model.Rounded(model.Weights, TensorFormat.Q8_0)));
        double better = TinyModel.Rms(exact, model.Logits(weights: model.Rounded(smoothed.Weights, TensorFormat.Q8_0)));
        Assert.True(better < 0.6 * plain, $"{better} of {plain}");
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("glm")]
    public void Adapted_statistics_are_those_of_the_changed_model(string architecture)
    {
        using TinyModel model = new(architecture);
        model.PlantOutliers(8);
        ActivationStatistics statistics = model.Statistics();
        TransformedWeights changed = WeightTransforms.SmoothQuant(model.Config, model.Weights, statistics, 0.5, null, TestContext.Current.CancellationToken);
        ActivationStatistics anew = model.Statistics(weights: changed.Weights);
        foreach (string name in statistics.Names)
        {
            Assert.True(statistics.TryGet(name, out ColumnStatistics? old) && anew.TryGet(name, out ColumnStatistics? _));
            Assert.True(anew.TryGet(name, out ColumnStatistics? expected));
            ColumnStatistics adapted = changed.Adapt(name, old!);
            Assert.All(expected.MeanSquare.Zip(adapted.MeanSquare), pair => Assert.InRange(pair.Second / (double)pair.First, 0.998, 1.002));
            Assert.All(expected.Max.Zip(adapted.Max), pair => Assert.InRange(pair.Second / (double)pair.First, 0.998, 1.002));
            double largest = expected.Gram!.Max(Math.Abs);
            Assert.All(expected.Gram!.Zip(adapted.Gram!), pair => Assert.Equal(pair.First, pair.Second, 1e-3 * largest));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(96)]
    [InlineData(172)]
    public void A_rotation_is_orthogonal_depends_on_its_seed_only_and_spreads_a_spike(int size)
    {
        double[][] rows = [.. Enumerable.Range(0, size).Select(i => Row(size, 3, i))];
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
            {
                Assert.Equal(i == j ? 1 : 0, rows[i].Zip(rows[j], (a, b) => a * b).Sum(), 1e-12);
            }
        }

        Assert.Equal(rows[0], Row(size, 3, 0));
        Assert.True(size < 64 || !rows[0].SequenceEqual(Row(size, 4, 0)));
        Assert.All(rows, row => Assert.True(size < 64 || row.Max(Math.Abs) < 0.7));

        static double[] Row(int size, int seed, int i)
        {
            double[] unit = new double[size];
            unit[i] = 1;
            new HadamardRotation(size, seed).Apply(unit);
            return unit;
        }
    }

    [Fact]
    public void The_output_error_is_that_of_the_rows_the_statistics_came_from()
    {
        Random random = new(1);
        float[] x = Samples.Correlated(random, 200, 64);
        Tensor weight = Samples.Weight(Samples.Normal(random, 5, 64), 64);
        Tensor rounded = new Nearest().Rounded(weight, TensorFormat.Q4_0, null);
        double direct = Samples.OutputError(x, weight, rounded) / 200;

        Assert.InRange(OutputError.Of(weight, rounded, Samples.Statistics(x, 64)) / direct, 0.9999, 1.0001);
        Assert.Throws<ArgumentException>(() => OutputError.Of(weight, Samples.Weight(new float[64], 64), Samples.Statistics(x, 64)));
    }

    /// <summary>Largest magnitude over the root mean square of all columns.</summary>
    static double OutlierRatio(ColumnStatistics statistics) => statistics.Max.Max() / Math.Sqrt(statistics.MeanSquare.Average());
}
