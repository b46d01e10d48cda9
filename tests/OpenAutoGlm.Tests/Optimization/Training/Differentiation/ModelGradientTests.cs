using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops.Training;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>Gradients of whole tiny models of every architecture.</summary>
public class ModelGradientTests
{
    const double Scale = 0.3;

    public static TheoryData<string> Architectures => [.. TinyModels.Architectures];

    [Theory, MemberData(nameof(Architectures))]
    public void Every_parameter_s_gradient_is_what_differences_of_the_loss_say(string architecture)
    {
        TinyModels model = TinyModels.Of(architecture);
        using ModelTrainingStep step = new(model.Config, model, new ReferenceInterpreter(), new TrainingStepOptions(16));
        TrainingBatch batch = TinyModels.Batch();
        step.Accumulate(batch, Scale);
        foreach (TrainedParameter parameter in step.Parameters)
        {
            float[] gradient = parameter.Gradient.ToFloats();
            float[] weights = parameter.Weight.ToFloats();
            double norm = Math.Sqrt(gradient.Sum(value => (double)value * value));
            Assert.True(norm > 0, $"{parameter.Name} has no gradient.");

            // Along the gradient the loss rises by its norm.
            double Loss(double distance)
            {
                Span<float> now = parameter.Weight.View.Floats;
                for (int i = 0; i < now.Length; i++)
                {
                    now[i] = (float)(weights[i] + (distance * gradient[i] / norm));
                }

                return step.Evaluate(batch).Sum * Scale;
            }

            // A long step may send a token to another expert, where the loss has a jump; a short one drowns in float32.
            double[] slopes = [.. ((double[])[0.01, 0.003, 0.001]).Select(h => ((8 * (Loss(h) - Loss(-h))) - (Loss(2 * h) - Loss(-2 * h))) / (12 * h))];
            weights.CopyTo(parameter.Weight.View.Floats);
            double error = slopes.Min(slope => Math.Abs(slope - norm));
            Assert.True(error <= (2e-3 * norm) + 2e-4, $"{architecture} {parameter.Name}: the gradient's norm is {norm}, but the loss rises by {string.Join(", ", slopes)}.");
        }
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Kernels_give_the_gradients_of_the_float64_reference(string architecture)
    {
        TinyModels model = TinyModels.Of(architecture);
        TrainingBatch batch = TinyModels.Batch();
        using ModelTrainingStep reference = new(model.Config, model, new ReferenceInterpreter(), new TrainingStepOptions(13));
        BatchLoss expected = reference.Accumulate(batch, Scale);
        using CpuBackend cpu = new();
        using ModelTrainingStep exact = new(model.Config, model, cpu, new TrainingStepOptions(40));
        Assert.Equal(expected.Mean, exact.Accumulate(batch, Scale).Mean, 1e-5);
        AssertGradients(reference, exact, 1e-4);
        using ModelTrainingStep rounded = new(model.Config, model, cpu, With(new() { Arithmetic = TrainingArithmetic.BFloat16 }));
        Assert.Equal(expected.Mean, rounded.Accumulate(batch, Scale).Mean, 0.05);

        // Rounding may send a token to another expert.
        AssertGradients(reference, rounded, model.Config.Experts is null ? 0.05 : 0.3);
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Checkpoints_change_no_bit_and_take_less_memory(string architecture)
    {
        TinyModels model = TinyModels.Of(architecture);
        using CpuBackend cpu = new();
        using ModelTrainingStep kept = new(model.Config, model, cpu, new TrainingStepOptions(40));
        using ModelTrainingStep again = new(model.Config, model, cpu, With(new() { Checkpointing = Checkpointing.EveryLayer }));
        TrainingBatch batch = TinyModels.Batch();
        Assert.Equal(kept.Accumulate(batch, Scale), again.Accumulate(batch, Scale));
        for (int i = 0; i < kept.Parameters.Count; i++)
        {
            Assert.Equal(kept.Parameters[i].Gradient.ToFloats(), again.Parameters[i].Gradient.ToFloats());
        }

        Assert.True(again.ArenaBytes < kept.ArenaBytes, $"{again.ArenaBytes} of {kept.ArenaBytes} bytes");
    }

    [Fact]
    public void Gradients_add_up_over_batches_and_do_not_depend_on_threads()
    {
        TinyModels model = TinyModels.Of("glm4");
        using CpuBackend one = new(new CpuOptions { Threads = 1 });
        using CpuBackend four = new(new CpuOptions { Threads = 4, PinThreads = false });
        using ModelTrainingStep alone = new(model.Config, model, one, new TrainingStepOptions(16));
        using ModelTrainingStep together = new(model.Config, model, four, new TrainingStepOptions(16));
        alone.Accumulate(TinyModels.Batch(2), 1);
        float[] once = alone.Parameters[1].Gradient.ToFloats();
        alone.Accumulate(TinyModels.Batch(2), 1);
        together.Accumulate(TinyModels.Batch(2), 1);
        together.Accumulate(TinyModels.Batch(2), 1);
        for (int i = 0; i < alone.Parameters.Count; i++)
        {
            Assert.Equal(alone.Parameters[i].Gradient.ToFloats(), together.Parameters[i].Gradient.ToFloats());
        }

        Assert.All(once.Zip(alone.Parameters[1].Gradient.ToFloats()), pair => Assert.Equal(2 * pair.First, pair.Second, 1e-5f));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Segments_do_not_see_one_another(int window)
    {
        TinyModels model = TinyModels.Of("glm4", window: window);
        using CpuBackend cpu = new();
        using ModelTrainingStep packed = new(model.Config, model, cpu, new TrainingStepOptions(16));
        using ModelTrainingStep apart = new(model.Config, model, cpu, new TrainingStepOptions(16));
        TrainingBatch batch = TinyModels.Batch();
        BatchLoss together = packed.Accumulate(batch, 1);
        BatchLoss sum = default;
        foreach (int segment in batch.Segments.Distinct())
        {
            int[] at = [.. Enumerable.Range(0, batch.Ids.Length).Where(i => batch.Segments[i] == segment)];
            sum += apart.Accumulate(
                new TrainingBatch([.. at.Select(i => batch.Ids[i])], [.. at.Select(i => batch.Positions[i])], [.. at.Select(_ => 7)], [.. at.Select(i => batch.Targets[i])], [.. at.Select(i => batch.Weights[i])]), 1);
        }

        Assert.Equal(together.Weight, sum.Weight, 1e-6);
        Assert.Equal(together.Sum, sum.Sum, 1e-5);
        AssertGradients(packed, apart, 1e-5);
    }

    static TrainingStepOptions With(TrainingGraphOptions graph) => new(40) { Graph = graph };

    static void AssertGradients(ModelTrainingStep expected, ModelTrainingStep actual, double tolerance)
    {
        Assert.Equal(expected.Parameters.Select(parameter => parameter.Name), actual.Parameters.Select(parameter => parameter.Name));
        for (int i = 0; i < expected.Parameters.Count; i++)
        {
            double error = Distance(expected.Parameters[i].Gradient, actual.Parameters[i].Gradient);
            Assert.True(error <= tolerance, $"{expected.Parameters[i].Name}: relative error {error:g3}");
        }
    }

    static double Distance(Tensor expected, Tensor actual)
    {
        float[] a = expected.ToFloats();
        float[] b = actual.ToFloats();
        double difference = a.Zip(b).Sum(pair => Math.Pow((double)pair.First - pair.Second, 2));
        return Math.Sqrt(difference / a.Sum(value => (double)value * value));
    }
}
