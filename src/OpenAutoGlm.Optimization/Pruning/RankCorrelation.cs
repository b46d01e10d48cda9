namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>How well two lists of numbers agree on an order.</summary>
public static class RankCorrelation
{
    /// <summary>
    /// Spearman's ρ: the correlation of the ranks, equal numbers sharing their mean rank. 1 for the same order, −1 for the
    /// opposite; 0 where one of the lists has no order. Source: Spearman 1904.
    /// </summary>
    /// <exception cref="ArgumentException">The lists differ in length, or have fewer than two numbers.</exception>
    public static double Spearman(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Count != second.Count || first.Count < 2)
        {
            throw new ArgumentException($"Two lists of one length, at least 2, belong here, not {first.Count} and {second.Count} numbers.", nameof(second));
        }

        (double[] a, double[] b) = (Ranks(first), Ranks(second));
        double mean = (first.Count - 1) / 2.0;
        double both = 0, squaresA = 0, squaresB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            both += (a[i] - mean) * (b[i] - mean);
            squaresA += (a[i] - mean) * (a[i] - mean);
            squaresB += (b[i] - mean) * (b[i] - mean);
        }

        return squaresA > 0 && squaresB > 0 ? both / Math.Sqrt(squaresA * squaresB) : 0;
    }

    static double[] Ranks(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        double[] ranks = new double[values.Count];
        for (int start = 0; start < order.Length;)
        {
            int end = start + 1;
            while (end < order.Length && values[order[end]] == values[order[start]])
            {
                end++;
            }

            foreach (int i in order.AsSpan(start..end))
            {
                ranks[i] = (start + end - 1) / 2.0;
            }

            start = end;
        }

        return ranks;
    }
}
