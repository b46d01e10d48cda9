using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Weights;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>What is trained, and how: parts, slices, tied tables, adapters, rounding, teachers.</summary>
public sealed class TrainingOptionTests : IDisposable
{
    readonly CpuBackend _cpu = new();

    public void Dispose() => _cpu.Dispose();

    [Fact]
    public void A_fused_weight_is_one_parameter_and_a_tied_table_too()
    {
        using ModelTrainingStep fused = Step("glm", new());
        Assert.Single(fused.Parameters, parameter => parameter.Name == "blk.0.attn_qkv.weight");
        Assert.DoesNotContain(fused.Parameters, parameter => parameter.Name.Contains('['));
        fused.Accumulate(TinyModels.Batch(), 1);
        float[] rows = Gradient(fused, "blk.0.ffn_up.weight");
        Assert.Contains(rows[..(rows.Length / 2)], value => value != 0);
        Assert.Contains(rows[(rows.Length / 2)..], value => value != 0);
        using ModelTrainingStep tied = Step("qwen2", new());
        Assert.Single(tied.Parameters, parameter => parameter.Name == "token_embd.weight");
    }

    [Fact]
    public void Both_uses_of_a_tied_table_count()
    {
        // The same model with a table of its own for the output: its two gradients are the parts of the tied one's.
        TinyModels model = TinyModels.Of("qwen2");
        WeightOverlay apart = new(model);
        apart.Replace("output.weight", model.Get("token_embd.weight"));
        using ModelTrainingStep tied = new(model.Config, model, _cpu, new TrainingStepOptions(16));
        using ModelTrainingStep untied = new(model.Config with { TiedEmbeddings = false }, apart, _cpu, new TrainingStepOptions(16));
        tied.Accumulate(TinyModels.Batch(), 1);
        untied.Accumulate(TinyModels.Batch(), 1);
        float[] both = Gradient(tied, "token_embd.weight");
        float[] sum = [.. Gradient(untied, "token_embd.weight").Zip(Gradient(untied, "output.weight"), (a, b) => a + b)];
        Assert.All(both.Zip(sum), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
    }

    [Fact]
    public void Only_what_was_chosen_is_trained()
    {
        using ModelTrainingStep all = Step("glm4", new());
        using ModelTrainingStep some = Step("glm4", new() { Trains = name => name.Contains("ffn_down", StringComparison.Ordinal) });
        all.Accumulate(TinyModels.Batch(), 1);
        some.Accumulate(TinyModels.Batch(), 1);
        Assert.Equal(["blk.0.ffn_down.weight", "blk.1.ffn_down.weight"], some.Parameters.Select(parameter => parameter.Name));
        Assert.Equal(Gradient(all, "blk.0.ffn_down.weight"), Gradient(some, "blk.0.ffn_down.weight"));
        Assert.True(some.Graph.Graph.Nodes.Length < all.Graph.Graph.Nodes.Length);
        Assert.Throws<ArgumentException>(() => Step("glm4", new() { Trains = _ => false }));
    }

    [Theory]
    [InlineData("glm4")]
    [InlineData("glm")]
    public void Adapters_learn_and_merged_they_answer_as_they_did_beside_the_weights(string architecture)
    {
        TinyModels model = TinyModels.Of(architecture);
        LoraOptions lora = new(Rank: 3, Alpha: 6);
        using ModelTrainingStep step = new(model.Config, model, _cpu, new TrainingStepOptions(16) { Graph = new() { Lora = lora } });
        using ModelTrainingStep plain = new(model.Config, model, _cpu, new TrainingStepOptions(16));
        TrainingBatch batch = TinyModels.Batch();
        Assert.Equal(plain.Evaluate(batch).Sum, step.Evaluate(batch).Sum, 1e-6);
        Assert.All(step.Parameters, parameter => Assert.Matches("^blk.*lora_[ab]$", parameter.Name));
        double first = step.Evaluate(batch).Mean;
        for (int i = 0; i < 30; i++)
        {
            Descend(step, batch, 0.2f);
        }

        double last = step.Evaluate(batch).Mean;
        Assert.True(last < 0.8 * first, $"{first} → {last}");
        WeightOverlay merged = LoraMerge.Into(model, step.Parameters, lora);
        using ModelTrainingStep after = new(model.Config, merged, _cpu, new TrainingStepOptions(16));
        Assert.Equal(last, after.Evaluate(batch).Mean, 1e-4);
    }

    [Fact]
    public void Adapters_train_over_a_quantised_base()
    {
        TinyModels model = TinyModels.Of("llama");
        WeightOverlay coarse = new(model);
        foreach (string name in (string[])["blk.0.attn_q.weight", "blk.1.ffn_up.weight", "token_embd.weight"])
        {
            coarse.Replace(name, Rounded(model.Get(name), TensorFormat.BF16));
        }

        using ModelTrainingStep step = new(model.Config, coarse, _cpu, new TrainingStepOptions(16) { Graph = new() { Lora = new LoraOptions(2, 4) } });
        TrainingBatch batch = TinyModels.Batch();
        double first = step.Evaluate(batch).Mean;
        for (int i = 0; i < 20; i++)
        {
            Descend(step, batch, 0.2f);
        }

        Assert.True(step.Evaluate(batch).Mean < first);
        Assert.Throws<ArgumentException>(() => LoraMerge.Into(model, [step.Parameters[0]], new LoraOptions(2, 4)));
    }

    [Fact]
    public void Rounded_weights_are_met_on_the_way_forward_and_passed_straight_through_on_the_way_back()
    {
        TinyModels model = TinyModels.Of("llama");
        static bool Down(string name) => name.Contains("ffn_gate", StringComparison.Ordinal);
        using ModelTrainingStep aware = new(model.Config, model, _cpu, new TrainingStepOptions(16) { Graph = new() { Quantization = name => Down(name) ? TensorFormat.BF16 : null } });
        WeightOverlay rounded = new(model);
        foreach (string name in (string[])["blk.0.ffn_gate.weight", "blk.1.ffn_gate.weight"])
        {
            Tensor coarse = Rounded(model.Get(name), TensorFormat.BF16);
            rounded.Replace(name, Tensor.Of(coarse.ToFloats(), [.. coarse.Shape.Dims]));
        }

        using ModelTrainingStep plain = new(model.Config, rounded, _cpu, new TrainingStepOptions(16));
        TrainingBatch batch = TinyModels.Batch();
        Assert.Equal(plain.Accumulate(batch, 1), aware.Accumulate(batch, 1));
        foreach (TrainedParameter parameter in plain.Parameters)
        {
            Assert.Equal(parameter.Gradient.ToFloats(), Gradient(aware, parameter.Name));
        }

        Assert.Equal(model.Get("blk.0.ffn_gate.weight").ToFloats(), aware.Parameters.Single(parameter => parameter.Name == "blk.0.ffn_gate.weight").Weight.ToFloats());
        Assert.Throws<GraphException>(() => Step("llama", new() { Quantization = _ => TensorFormat.Q8_0 }));
    }

    [Fact]
    public void A_student_that_is_its_teacher_has_nothing_to_learn_and_another_comes_closer()
    {
        TinyModels model = TinyModels.Of("glm4");
        Teacher teacher = new(model.Config, model, Temperature: 2, Mix: 1);
        TrainingBatch batch = TinyModels.Batch();
        using ModelTrainingStep same = new(model.Config, model, _cpu, new TrainingStepOptions(16) { Teacher = teacher });
        Assert.Equal(0, same.Accumulate(batch, 1).Sum, 1e-4);
        Assert.All(same.Parameters, parameter => Assert.All(parameter.Gradient.ToFloats(), value => Assert.Equal(0, value, 1e-3f)));
        TinyModels other = TinyModels.Of("glm4", seed: 9);
        using ModelTrainingStep student = new(other.Config, other, _cpu, new TrainingStepOptions(16) { Teacher = teacher });
        double first = student.Evaluate(batch).Mean;
        for (int i = 0; i < 20; i++)
        {
            Descend(student, batch, 0.05f);
        }

        Assert.True(student.Evaluate(batch).Mean < 0.7 * first, $"{first} → {student.Evaluate(batch).Mean}");
        Assert.Throws<ArgumentException>(() => new ModelTrainingStep(
            other.Config, other, _cpu, new TrainingStepOptions(16) { Teacher = teacher with { Config = model.Config with { Vocab = 7 } } }));
    }

    [Fact]
    public void A_mixed_loss_is_the_mix_of_both()
    {
        TinyModels model = TinyModels.Of("glm4");
        TinyModels other = TinyModels.Of("glm4", seed: 9);
        TrainingBatch batch = TinyModels.Batch();
        double[] losses = [.. ((float[])[0, 0.25f, 1]).Select(mix =>
        {
            using ModelTrainingStep step = new(model.Config, model, _cpu, new TrainingStepOptions(16) { Teacher = new Teacher(other.Config, other, 1.5f, mix) });
            return step.Evaluate(batch).Sum;
        })];
        Assert.Equal((0.75 * losses[0]) + (0.25 * losses[2]), losses[1], 1e-4);
    }

    [Theory]
    [InlineData("glm4")]
    [InlineData("qwen2")]
    public void Logits_some_rows_at_a_time_give_the_same_gradients_in_less_memory(string architecture)
    {
        using ModelTrainingStep whole = Step(architecture, new());
        using ModelTrainingStep parts = Step(architecture, new() { LossRows = 4 });
        TrainingBatch batch = TinyModels.Batch();
        BatchLoss loss = whole.Accumulate(batch, 0.3);
        Assert.Equal(loss.Sum, parts.Accumulate(batch, 0.3).Sum, 1e-5);
        Assert.Equal(loss.Sum, parts.Evaluate(batch).Sum, 1e-5);
        foreach (TrainedParameter parameter in whole.Parameters)
        {
            Assert.All(parameter.Gradient.ToFloats().Zip(Gradient(parts, parameter.Name)), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }

        Assert.True(parts.ArenaBytes < whole.ArenaBytes);
        Assert.Throws<InvalidOperationException>(() => parts.Logits(batch));
        TinyModels model = TinyModels.Of(architecture);
        Assert.Throws<ArgumentException>(() => new ModelTrainingStep(
            model.Config, model, _cpu, new TrainingStepOptions(16) { Graph = new() { LossRows = 4 }, Teacher = new Teacher(model.Config, model) }));
    }

    [Fact]
    public void Batches_that_do_not_fit_are_refused_with_their_numbers()
    {
        using ModelTrainingStep step = Step("llama", new());
        TrainingBatch batch = TinyModels.Batch();
        Assert.Equal(default, step.Accumulate(batch with { Weights = [.. batch.Weights.Select(_ => 0f)] }, 1));
        Assert.Contains("13", Assert.Throws<ArgumentException>(() => step.Accumulate(batch with { Positions = [] }, 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => step.Accumulate(batch with { Segments = [.. batch.Segments.Select((segment, i) => i == 12 ? 0 : segment)] }, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => step.Accumulate(batch with { Ids = batch.Ids.SetItem(3, TinyModels.Vocab) }, 1));
        Assert.Throws<ArgumentException>(() => step.Accumulate(new TrainingBatch([], [], [], [], []), 1));
    }

    [Fact]
    public void An_overflow_is_seen()
    {
        using ModelTrainingStep step = Step("llama", new() { Arithmetic = TrainingArithmetic.BFloat16 });
        step.Accumulate(TinyModels.Batch(), 1);
        Assert.True(GradientCheck.AreFinite(step.Parameters));
        step.Accumulate(TinyModels.Batch(), 1e38);
        step.Accumulate(TinyModels.Batch(), 1e38);
        Assert.False(GradientCheck.AreFinite(step.Parameters));
        Assert.False(GradientCheck.AreFinite([1, 2, float.NaN]));
        Assert.True(GradientCheck.AreFinite([.. Enumerable.Repeat(float.MaxValue, 33)]));
    }

    [Fact]
    public void Memory_is_estimated_without_lowering_and_grows_with_the_batch()
    {
        TinyModels model = TinyModels.Of("glm4");
        using ModelTrainingStep step = Step("glm4", new());
        long weights = step.Parameters.Sum(parameter => 2 * parameter.Weight.Bytes);
        Assert.Equal(step.ArenaBytes + weights, ModelTrainingStep.EstimateBytes(model.Config, model, new TrainingStepOptions(16)));
        Assert.True(ModelTrainingStep.EstimateBytes(model.Config, model, new TrainingStepOptions(64)) > ModelTrainingStep.EstimateBytes(model.Config, model, new TrainingStepOptions(16)));
    }

    static Tensor Rounded(Tensor weight, TensorFormat format)
    {
        Tensor rounded = Tensor.Allocate(format, [.. weight.Shape.Dims]);
        for (int row = 0; row < weight.Shape[0].Size; row++)
        {
            BlockFormat.Of(format).Quantize(weight.View.Row(row), [], rounded.Piece(row));
        }

        return rounded;
    }

    static void Descend(ModelTrainingStep step, TrainingBatch batch, float rate)
    {
        foreach (TrainedParameter parameter in step.Parameters)
        {
            parameter.Gradient.View.Floats.Clear();
        }

        double weight = step.Evaluate(batch).Weight;
        step.Accumulate(batch, 1 / weight);
        foreach (TrainedParameter parameter in step.Parameters)
        {
            Span<float> values = parameter.Weight.View.Floats;
            ReadOnlySpan<float> gradient = parameter.Gradient.View.Floats;
            for (int i = 0; i < values.Length; i++)
            {
                values[i] -= rate * gradient[i];
            }
        }
    }

    static float[] Gradient(ModelTrainingStep step, string name) => step.Parameters.Single(parameter => parameter.Name == name).Gradient.ToFloats();

    ModelTrainingStep Step(string architecture, TrainingGraphOptions options)
    {
        TinyModels model = TinyModels.Of(architecture);
        return new ModelTrainingStep(model.Config, model, _cpu, new TrainingStepOptions(16) { Graph = options });
    }
}
