using FsCheck;
using FsCheck.Fluent;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

public sealed class TaskStatisticsTests
{
    [Fact]
    public void Shares_have_the_intervals_of_the_textbook()
    {
        TaskSummary ten = new("", 10, 10, null);
        Assert.Equal((1, 0), (ten.Accuracy, ten.AccuracyError));

        // Brown, Cai and DasGupta 2001: (n p + z²/2 ± z √(n p (1−p) + z²/4)) / (n + z²) with z = 1.96.
        Assert.Equal(10 / (10 + 3.8414588), ten.Interval.Low, 1e-6);
        Assert.Equal(1, ten.Interval.High, 1e-12);
        TaskSummary half = new("", 100, 50, null);
        Assert.Equal(0.05, half.AccuracyError, 1e-12);
        Assert.Equal(0.4038, half.Interval.Low, 1e-4);
        Assert.Equal(0.5962, half.Interval.High, 1e-4);
    }

    [Fact]
    public void The_test_of_pairs_is_exact()
    {
        Assert.Equal(1, new TaskComparison(20, 0, 0).Chance);
        Assert.Equal(1, new TaskComparison(20, 3, 3).Chance, 1e-12);
        Assert.Equal(2 / 1024.0, new TaskComparison(20, 10, 0).Chance, 1e-12);
        Assert.Equal(2 * 11 / 1024.0, new TaskComparison(20, 1, 9).Chance, 1e-12);
        Assert.Equal(new TaskComparison(5000, 900, 1000).Chance, new TaskComparison(9000, 1000, 900).Chance, 1e-12);
    }

    [Fact]
    public void The_error_of_a_change_is_that_of_the_mean_of_paired_differences()
    {
        Prop.ForAll(Gen.Choose(1, 30).Two().ToArbitrary(), pair =>
        {
            (int lost, int gained) = pair;
            const int Items = 100;
            TaskComparison compared = new(Items, lost, gained);
            double[] differences = [.. Enumerable.Repeat(-1.0, lost), .. Enumerable.Repeat(1.0, gained), .. Enumerable.Repeat(0.0, Items - lost - gained)];
            double mean = differences.Average();
            double error = Math.Sqrt(differences.Average(difference => Math.Pow(difference - mean, 2)) / Items);
            return Math.Abs(compared.Change - mean) < 1e-12 && Math.Abs(compared.ChangeError - error) < 1e-12;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Groups_are_counted_apart_and_all_together_first()
    {
        TaskFile task = TaskFile.Parse("t.jsonl", string.Join('\n', new[] { "a", "b", "a", "" }.Select(group => $$"""{"kind": "loss", "prompt": "x", "continuation": "y", "group": "{{group}}"}""")));
        TaskResult[] results =
        [
            new(0, true) { LogLikelihood = -1, Tokens = 1 },
            new(1, false) { LogLikelihood = -5, Tokens = 2 },
            new(2, false) { LogLikelihood = -2, Tokens = 1 },
            new(3, true) { LogLikelihood = -4, Tokens = 4 },
        ];
        Assert.Equal(
            [new TaskSummary("", 4, 2, 12 / 8.0), new TaskSummary("a", 2, 1, 1.5), new TaskSummary("b", 1, 0, 2.5)],
            TaskSummary.Of(task, results));
        Assert.Equal(new TaskComparison(4, 1, 1), TaskComparison.Of(results, [results[0], results[1], results[2] with { Right = true }, results[3] with { Right = false }]));
        Assert.Throws<ArgumentException>(() => TaskComparison.Of(results, results[1..]));
    }
}
