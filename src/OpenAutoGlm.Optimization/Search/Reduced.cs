namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// A <see cref="ChoiceProblem"/> without choices that another one of their group beats or equals in the objective and in
/// all limited measures. Values are laid out as objective, then limited measures.
/// </summary>
sealed class Reduced
{
    readonly int[][] _original; // by group and kept choice: its number in the problem

    Reduced(double[][][] values, int[][] original, double[] limits) => (Values, _original, Limits) = (values, original, limits);

    /// <summary>By group, kept choice, and measure: the objective, then those with limits.</summary>
    internal double[][][] Values { get; }

    /// <summary>The largest totals of the limited measures.</summary>
    internal double[] Limits { get; }

    internal int Groups => Values.Length;

    internal static Reduced Of(ChoiceProblem problem, int objective, int[] limited, double[] limits)
    {
        double[][][] values = new double[problem.Groups][][];
        int[][] original = new int[problem.Groups][];
        for (int group = 0; group < values.Length; group++)
        {
            double[][] all = [.. problem.Values[group].Select(choice => (double[])[choice[objective], .. limited.Select(measure => choice[measure])])];
            original[group] = [.. Enumerable.Range(0, all.Length).Where(i => !Enumerable.Range(0, all.Length).Any(j => Beats(all, j, i)))];
            values[group] = [.. original[group].Select(i => all[i])];
        }

        return new Reduced(values, original, limits);
    }

    /// <summary>Whether each limit by itself can be kept.</summary>
    internal bool MayFit()
    {
        for (int m = 0; m < Limits.Length; m++)
        {
            if (Values.Sum(group => group.Min(choice => choice[m + 1])) > Limits[m])
            {
                return false;
            }
        }

        return true;
    }

    internal bool Fits(ReadOnlySpan<int> picks)
    {
        for (int m = 0; m < Limits.Length; m++)
        {
            if (Total(picks, m + 1) > Limits[m])
            {
                return false;
            }
        }

        return true;
    }

    internal double Total(ReadOnlySpan<int> picks, int measure)
    {
        double total = 0;
        for (int group = 0; group < picks.Length; group++)
        {
            total += Values[group][picks[group]][measure];
        }

        return total;
    }

    internal int[] Original(ReadOnlySpan<int> picks)
    {
        int[] original = new int[picks.Length];
        for (int group = 0; group < picks.Length; group++)
        {
            original[group] = _original[group][picks[group]];
        }

        return original;
    }

    /// <summary>Of equal choices the first stays.</summary>
    static bool Beats(double[][] all, int better, int worse)
    {
        if (better == worse)
        {
            return false;
        }

        bool equal = true;
        for (int i = 0; i < all[better].Length; i++)
        {
            if (all[better][i] > all[worse][i])
            {
                return false;
            }

            equal &= all[better][i] == all[worse][i];
        }

        return !equal || better < worse;
    }
}
