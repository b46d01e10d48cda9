using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>The results of a task, or of one of its groups, as shares with their uncertainty.</summary>
/// <param name="Group">Whose results; "" for all.</param>
/// <param name="Items">Questions.</param>
/// <param name="Right">Questions answered rightly.</param>
/// <param name="Loss">Mean −log p of the tokens of right choices and continuations, in nats; null where nothing but generation was asked for.</param>
public sealed record TaskSummary(string Group, int Items, int Right, double? Loss)
{
    const double Wide = 1.959963984540054; // 95 % of a normal distribution lie within so many standard deviations

    /// <summary>Share of right answers.</summary>
    public double Accuracy => Right / (double)Items;

    /// <summary>Standard error of the share, √(p(1−p)/n); see the interval for shares near 0 and 1.</summary>
    public double AccuracyError => Math.Sqrt(Accuracy * (1 - Accuracy) / Items);

    /// <summary>
    /// The shares, lowest and highest, that the result does not speak against at 95 %. Source: Wilson 1927.
    /// </summary>
    public (double Low, double High) Interval
    {
        get
        {
            double n = Items;
            double spread = Wide * Wide / n;
            double centre = (Accuracy + (spread / 2)) / (1 + spread);
            double half = Wide / (1 + spread) * Math.Sqrt((Accuracy * (1 - Accuracy) / n) + (spread / (4 * n)));
            return (Math.Max(0, centre - half), Math.Min(1, centre + half));
        }
    }

    /// <summary>All results first, then each group in the order in which they come in the task, where there are any.</summary>
    public static ImmutableArray<TaskSummary> Of(TaskFile task, IReadOnlyList<TaskResult> results)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(results);
        return [Of("", results), .. results.GroupBy(result => task.Items[result.Item].Group).Where(group => group.Key.Length > 0).Select(group => Of(group.Key, [.. group]))];
    }

    static TaskSummary Of(string group, IReadOnlyList<TaskResult> results)
    {
        TaskResult[] weighed = [.. results.Where(result => result.LogLikelihood is not null)];
        return new TaskSummary(group, results.Count, results.Count(result => result.Right), weighed.Length == 0 ? null : -weighed.Sum(result => result.LogLikelihood!.Value) / weighed.Sum(result => result.Tokens));
    }
}
