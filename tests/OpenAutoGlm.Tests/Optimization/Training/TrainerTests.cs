using System.Collections.Immutable;
using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Training.Checkpoints;
using OpenAutoGlm.Optimization.Training.Data;
using OpenAutoGlm.Optimization.Training.Updates;

namespace OpenAutoGlm.Optimization.Training;

public sealed class TrainerTests
{
    const int Vocab = 40;

    static readonly TrainerOptions Short = new() { Length = RunLength.Steps(10), LearningRate = 0.05, AverageDecay = 0.9, CheckpointEvery = 0 };

    [Theory]
    [InlineData(UpdateRule.AdamW)]
    [InlineData(UpdateRule.Muon)]
    public void Learning_lowers_the_loss_to_what_the_text_allows(UpdateRule rule)
    {
        using BigramStep step = new(Vocab);
        Trainer trainer = new(step, Short with { Length = RunLength.Steps(300), Update = new UpdateOptions { Rule = rule, WeightDecay = 0 }, Schedule = new Schedule(ScheduleForm.Cosine) }, TimeProvider.System);
        List<double> losses = [];
        TrainingOutcome outcome = trainer.Run(Data(), [], observe: record => losses.Add(record.Loss), cancellation: TestContext.Current.CancellationToken);
        Assert.True(outcome.Completed);
        Assert.Equal(300, outcome.Steps);
        Assert.Equal(Math.Log(Vocab), losses[0], 0.1);
        Assert.True(losses[^1] < 0.2 * losses[0], $"{rule}: the loss went from {losses[0]:0.000} to {losses[^1]:0.000}");
    }

    [Fact]
    public void AdamW_is_the_published_rule_and_spares_vectors_from_decay()
    {
        using BigramStep step = new(Vocab);
        UpdateOptions options = new() { WeightDecay = 0.3 };
        ParameterPieces pieces = new(step.Parameters, 2);
        WeightUpdate update = WeightUpdate.Create(options, step.Parameters, pieces, 2);
        Draws draws = new(9);
        foreach (TrainedParameter parameter in step.Parameters)
        {
            int count = parameter.Weight.View.Floats.Length;
            (double[] w, double[] m, double[] v) = (Array.ConvertAll(parameter.Weight.View.Floats.ToArray(), x => (double)x), new double[count], new double[count]);
            double decay = parameter.Weight.Shape.Rank == 2 ? 0.3 : 0;
            for (int t = 1; t <= 5; t++)
            {
                pieces.ClearGradients();
                for (int i = 0; i < count; i++)
                {
                    double g = (draws.Below(2001) - 1000) * 1e-3;
                    parameter.Gradient.View.Floats[i] = (float)g;
                    g = (float)g * 0.5;
                    m[i] = (0.9 * m[i]) + (0.1 * g);
                    v[i] = (0.95 * v[i]) + (0.05 * g * g);
                    w[i] = w[i] - (0.01 * ((m[i] / (1 - Math.Pow(0.9, t)) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.95, t))) + 1e-8)) + (decay * w[i])));
                }

                update.Apply(0.01, 0.5, t);
            }

            for (int i = 0; i < count; i++)
            {
                Assert.Equal(w[i], parameter.Weight.View.Floats[i], 2e-6);
            }

            // The other parameter's turn begins at the first step too.
            update = WeightUpdate.Create(options, step.Parameters, pieces, 1);
        }
    }

    [Fact]
    public void Muon_moves_along_a_direction_whose_singular_values_are_near_one()
    {
        foreach ((int rows, int columns) in new[] { (8, 24), (24, 8), (13, 13), (33, 70), (70, 33), (160, 384) })
        {
            Draws draws = new(4);
            float[] matrix = [.. Enumerable.Range(0, rows * columns).Select(_ => (draws.Below(2001) - 1000) * 1e-3f)];
            float[] alone = [.. matrix];
            double[] expected = Orthogonalised(matrix, rows, columns);
            new Orthogonaliser(2).Apply(matrix, rows, columns);
            new Orthogonaliser(1).Apply(alone, rows, columns);
            Assert.Equal(alone, matrix);
            for (int i = 0; i < matrix.Length; i++)
            {
                Assert.Equal(expected[i], matrix[i], 1e-4);
            }

            // Σ of squares of the singular values is the trace of the Gram matrix; each lies between 0.6² and 1.3².
            double trace = matrix.Sum(value => (double)value * value);
            int rank = Math.Min(rows, columns);
            Assert.InRange(trace / rank, 0.5, 1.5);
            double largest = LargestSingularValue(matrix, rows, columns);
            Assert.InRange(largest, 0.7, 1.3);
        }
    }

    /// <summary>The iteration as its paper writes it, in float64: X ← aX + (bA + cA²)X, A = XXᵀ.</summary>
    static double[] Orthogonalised(float[] matrix, int rows, int columns)
    {
        double norm = Math.Sqrt(matrix.Sum(value => (double)value * value));
        double[] x = [.. matrix.Select(value => value / norm)];
        for (int step = 0; step < 5; step++)
        {
            double[] transposed = new double[x.Length];
            for (int i = 0; i < x.Length; i++)
            {
                transposed[(i % columns * rows) + (i / columns)] = x[i];
            }

            double[] gram = Product(x, transposed, rows, columns, rows);
            double[] square = Product(gram, gram, rows, rows, rows);
            double[] mixed = [.. gram.Zip(square, (a, b) => (-4.7750 * a) + (2.0315 * b))];
            x = [.. x.Zip(Product(mixed, x, rows, rows, columns), (a, b) => (3.4445 * a) + b)];
        }

        return x;

        static double[] Product(double[] a, double[] b, int m, int k, int n)
        {
            double[] result = new double[m * n];
            for (int i = 0; i < m * k; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    result[(i / k * n) + j] += a[i] * b[(i % k * n) + j];
                }
            }

            return result;
        }
    }

    [Fact]
    public void Summed_up_batches_equal_the_large_batch_to_rounding()
    {
        float[] whole = Trained(Data(batchTokens: 256), Short with { AverageDecay = 0 });
        float[] parts = Trained(Data(batchTokens: 64), Short with { AverageDecay = 0, Accumulate = 4 });

        // All examples have one length, so four small batches hold the examples of the large one.
        Assert.Equal(whole.Length, parts.Length);
        for (int i = 0; i < whole.Length; i++)
        {
            Assert.Equal(whole[i], parts[i], 2e-5);
        }

        float[] Trained(TrainingData data, TrainerOptions options)
        {
            using BigramStep step = new(Vocab);
            new Trainer(step, options, TimeProvider.System).Run(data, [], cancellation: TestContext.Current.CancellationToken);
            return step.Parameters[0].Weight.View.Floats.ToArray();
        }

        static TrainingData Data(int batchTokens) => new(Sentences(), new DataOptions { BatchTokens = batchTokens, SequenceTokens = 16, Shuffle = false });
    }

    [Theory]
    [InlineData(UpdateRule.AdamW, 1)]
    [InlineData(UpdateRule.Muon, 2)]
    public void Ten_steps_equal_five_and_five_resumed_bit_for_bit(UpdateRule rule, int accumulate)
    {
        using TemporaryFolder folder = new();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        TrainerOptions options = Short with { Update = new UpdateOptions { Rule = rule }, CheckpointEvery = 5, Accumulate = accumulate };
        CheckpointFolder checkpoints = new(folder.File("whole"), 5);
        using BigramStep whole = new(Vocab);
        Trainer trainer = new(whole, options, TimeProvider.System);
        trainer.Run(Data(), [], checkpoints, cancellation: cancellation);

        // The last one is lost, the one before is gone on from, with another number of threads.
        File.Delete(checkpoints.Files[^1]);
        using BigramStep resumed = new(Vocab, seed: 77);
        Trainer second = new(resumed, options with { Threads = 2 }, TimeProvider.System);
        TrainingData data = Data();
        second.Restore(checkpoints.Latest()!, data);
        Assert.Equal(5, second.Steps);
        second.Run(data, [], checkpoints, cancellation: cancellation);

        TrainingState expected = trainer.Capture(Data());
        TrainingState actual = second.Capture(Data());
        Assert.Equal(expected.Tensors.Length, actual.Tensors.Length);
        foreach (((string name, var tensor), (string _, var other)) in expected.Tensors.Zip(actual.Tensors))
        {
            Assert.True(tensor.View.Floats.SequenceEqual(other.View.Floats), $"{name} differs");
        }
    }

    [Fact]
    public void A_stopped_run_has_a_checkpoint_and_goes_on_as_if_it_had_not_been_stopped()
    {
        using TemporaryFolder folder = new();
        using BigramStep whole = new(Vocab);
        new Trainer(whole, Short, TimeProvider.System).Run(Data(), [], cancellation: TestContext.Current.CancellationToken);

        CheckpointFolder checkpoints = new(folder.File("stopped"));
        using CancellationTokenSource stop = new();
        using BigramStep step = new(Vocab);
        TrainingOutcome outcome = new Trainer(step, Short, TimeProvider.System).Run(
            Data(), [], checkpoints, record => { if (record.Step == 3) stop.Cancel(); }, stop.Token);
        Assert.False(outcome.Completed);
        Assert.Equal(3, outcome.Steps);

        using BigramStep resumed = new(Vocab, seed: 2);
        Trainer trainer = new(resumed, Short, TimeProvider.System);
        TrainingData data = Data();
        trainer.Restore(checkpoints.Latest()!, data);
        trainer.Run(data, [], cancellation: TestContext.Current.CancellationToken);
        Assert.True(whole.Parameters[0].Weight.View.Floats.SequenceEqual(resumed.Parameters[0].Weight.View.Floats));
    }

    [Fact]
    public void A_damaged_checkpoint_is_named_and_the_one_before_is_used()
    {
        using TemporaryFolder folder = new();
        CheckpointFolder checkpoints = new(folder.File("run"), keep: 3);
        using BigramStep step = new(Vocab);
        new Trainer(step, Short with { CheckpointEvery = 2 }, TimeProvider.System).Run(Data(), [], checkpoints, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([6, 8, 10], checkpoints.Files.Select(file => int.Parse(Path.GetFileName(file)[5..13])));

        byte[] bytes = File.ReadAllBytes(checkpoints.Files[2]);
        bytes[^100] ^= 1;
        File.WriteAllBytes(checkpoints.Files[2], bytes);
        File.WriteAllBytes(checkpoints.Files[1], File.ReadAllBytes(checkpoints.Files[1])[..1000]);
        List<string> damaged = [];
        Assert.Equal(6, checkpoints.Latest(damaged.Add)!.Progress.Steps);
        Assert.Equal(2, damaged.Count);
        Assert.Contains("step-00000010", damaged[0]);
        Assert.Contains("step-00000008", damaged[1]);
    }

    [Fact]
    public void A_run_is_not_resumed_with_other_options_or_data()
    {
        using TemporaryFolder folder = new();
        CheckpointFolder checkpoints = new(folder.File("run"));
        using BigramStep step = new(Vocab);
        new Trainer(step, Short, TimeProvider.System).Run(Data(), [], checkpoints, cancellation: TestContext.Current.CancellationToken);
        TrainingState state = checkpoints.Latest()!;
        ArgumentException refused = Assert.Throws<ArgumentException>(() => new Trainer(step, Short with { LearningRate = 0.07 }, TimeProvider.System).Restore(state, Data()));
        Assert.Contains("0.05", refused.Message);
        Assert.Contains("0.07", refused.Message);
        TrainingData other = new(TrainingDataTests.Examples(3), new DataOptions());
        Assert.Contains("3 examples", Assert.Throws<ArgumentException>(() => new Trainer(step, Short, TimeProvider.System).Restore(state, other)).Message);
    }

    [Fact]
    public void An_overflow_skips_the_step_and_halves_the_scale_and_good_steps_double_it()
    {
        using BigramStep step = new(Vocab);
        int call = 0;
        step.Fault = () => ++call is 3 or 4 ? double.PositiveInfinity : 1;
        TrainerOptions options = Short with { LossScaling = new LossScaling(Initial: 1024, GrowEvery: 4) };
        List<TrainingRecord> records = [];
        float before = 0;
        new Trainer(step, options, TimeProvider.System).Run(Data(), [], observe: record =>
        {
            float weight = step.Parameters[0].Weight.View.Floats[0];
            Assert.Equal(record.Skipped, weight == before);
            before = weight;
            records.Add(record);
        }, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([1024, 1024, 1024, 512, 256, 256, 256, 256, 512, 512], records.Select(record => record.LossScale));
        Assert.Equal([3L, 4L], records.Where(record => record.Skipped).Select(record => record.Step));
    }

    [Fact]
    public void A_power_of_two_as_loss_scale_changes_no_bit()
    {
        float[] Weights(LossScaling? scaling)
        {
            using BigramStep step = new(Vocab);
            new Trainer(step, Short with { LossScaling = scaling }, TimeProvider.System).Run(Data(), [], cancellation: TestContext.Current.CancellationToken);
            return step.Parameters[0].Weight.View.Floats.ToArray();
        }

        Assert.Equal(Weights(null), Weights(new LossScaling(Initial: 4096)));
    }

    [Fact]
    public void A_loss_that_is_no_number_ends_the_run_and_names_step_and_learning_rate()
    {
        using BigramStep step = new(Vocab);
        int call = 0;
        step.Fault = () => ++call == 4 ? double.NaN : 1;
        TrainingDivergedException failed = Assert.Throws<TrainingDivergedException>(
            () => new Trainer(step, Short, TimeProvider.System).Run(Data(), [], cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("step 4", failed.Message);
        Assert.Contains("learning rate of 0.04", failed.Message);
        Assert.DoesNotContain(float.NaN, step.Parameters[0].Weight.View.Floats.ToArray());
    }

    [Fact]
    public void A_long_gradient_is_shortened_over_all_parameters_together()
    {
        using BigramStep step = new(Vocab);
        ParameterPieces pieces = new(step.Parameters, 1);
        step.Accumulate(Data().Next(), 1);
        double sum = step.Parameters.SelectMany(parameter => parameter.Gradient.View.Floats.ToArray()).Sum(value => (double)value * value);
        Assert.Equal(Math.Sqrt(sum), pieces.GradientNorm(), 1e-9 * Math.Sqrt(sum));
        Assert.Equal(pieces.GradientNorm(), new ParameterPieces(step.Parameters, 2).GradientNorm());
    }

    [Fact]
    public void The_average_of_the_weights_is_what_is_validated()
    {
        using BigramStep step = new(Vocab);
        Trainer trainer = new(step, Short, TimeProvider.System);
        trainer.Run(Data(), [], cancellation: TestContext.Current.CancellationToken);
        ImmutableArray<TrainingBatch> batches = [Data().Next()];
        double raw = step.Evaluate(batches[0]).Mean;
        double averaged = trainer.Validate(batches).Mean;
        Assert.NotEqual(raw, averaged);
        Assert.Equal(raw, step.Evaluate(batches[0]).Mean);
        Assert.Equal(averaged, trainer.WithAverages(() => step.Evaluate(batches[0]).Mean));
    }

    internal static TrainingData Data() => new(Sentences(), new DataOptions { BatchTokens = 64, SequenceTokens = 16, WindowExamples = 8 });

    /// <summary>Each token is followed by the next number, nearly always.</summary>
    static ExampleList Sentences() => new(
        "sentences", [.. Enumerable.Range(0, 64).Select(i => TrainingExample.Of([.. Enumerable.Range(i, 17).Select(token => token % Vocab)]))]);

    static double LargestSingularValue(float[] matrix, int rows, int columns)
    {
        double[] vector = [.. Enumerable.Range(0, columns).Select(i => 1.0 + (0.1 * i))];
        double length = 0;
        for (int round = 0; round < 200; round++)
        {
            double[] image = [.. Enumerable.Range(0, rows).Select(r => Enumerable.Range(0, columns).Sum(c => matrix[(r * columns) + c] * vector[c]))];
            vector = [.. Enumerable.Range(0, columns).Select(c => Enumerable.Range(0, rows).Sum(r => matrix[(r * columns) + c] * image[r]))];
            length = Math.Sqrt(vector.Sum(value => value * value));
            vector = [.. vector.Select(value => value / length)];
        }

        return Math.Sqrt(length);
    }
}
