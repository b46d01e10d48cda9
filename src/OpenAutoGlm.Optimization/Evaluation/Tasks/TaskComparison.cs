namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>Two models' answers to the same questions, question by question: far sharper than two shares beside one another.</summary>
/// <param name="Items">Questions.</param>
/// <param name="Lost">Questions that only the first model answered rightly.</param>
/// <param name="Gained">Questions that only the second did.</param>
public sealed record TaskComparison(int Items, int Lost, int Gained)
{
    /// <summary>Share of right answers of the second less that of the first.</summary>
    public double Change => (Gained - Lost) / (double)Items;

    /// <summary>Standard error of <see cref="Change"/>: √(b + c − (b − c)²/n) / n, b lost and c gained.</summary>
    public double ChangeError
    {
        get
        {
            double difference = Gained - Lost;
            return Math.Sqrt(Lost + Gained - (difference * difference / Items)) / Items;
        }
    }

    /// <summary>
    /// How often chance alone would part the two at least so far, if each differing question were as likely to fall to either: the
    /// exact two-sided binomial test. Source: McNemar 1947.
    /// </summary>
    public double Chance
    {
        get
        {
            int differing = Lost + Gained;
            double log = -differing * Math.Log(2); // of C(n, 0) / 2ⁿ
            double tail = 0;
            for (int i = 0; i <= Math.Min(Lost, Gained); i++)
            {
                tail += Math.Exp(log);
                log += Math.Log(differing - i) - Math.Log(i + 1);
            }

            return Math.Min(1, 2 * tail);
        }
    }

    /// <summary>Compares results of the same questions.</summary>
    /// <exception cref="ArgumentException">The questions differ.</exception>
    public static TaskComparison Of(IReadOnlyList<TaskResult> first, IReadOnlyList<TaskResult> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (!first.Select(result => result.Item).SequenceEqual(second.Select(result => result.Item)))
        {
            throw new ArgumentException("Only results of the same questions can be compared one by one.", nameof(second));
        }

        return new TaskComparison(
            first.Count,
            first.Zip(second).Count(pair => pair.First.Right && !pair.Second.Right),
            first.Zip(second).Count(pair => !pair.First.Right && pair.Second.Right));
    }
}
