namespace OpenAutoGlm.Optimization.Search;

/// <summary>Makes picks fit by the exchanges that cost least for what they save, then takes every exchange that still gains.</summary>
static class Mending
{
    /// <summary>The mended picks; null where exchanges of one group at a time do not lead within the limits.</summary>
    internal static int[]? Mend(Reduced problem, ReadOnlySpan<int> from)
    {
        int[] picks = from.ToArray();
        double[] totals = [.. Enumerable.Range(1, problem.Limits.Length).Select(m => problem.Total(picks, m))];
        for (int step = 0; step < 4 * picks.Length && Over(problem, totals) > 0; step++)
        {
            if (!Exchange(problem, picks, totals, (saved, cost) => saved > 0 ? cost <= 0 ? double.PositiveInfinity : saved / cost : double.NegativeInfinity))
            {
                return null;
            }
        }

        if (Over(problem, totals) > 0)
        {
            return null;
        }

        for (int step = 0; step < 4 * picks.Length; step++)
        {
            if (!Exchange(problem, picks, totals, (saved, cost) => saved >= 0 && cost < 0 ? -cost : double.NegativeInfinity))
            {
                break;
            }
        }

        return problem.Fits(picks) ? picks : null;
    }

    /// <summary>By how much limits are broken, each in units of itself.</summary>
    static double Over(Reduced problem, double[] totals)
    {
        double over = 0;
        for (int m = 0; m < totals.Length; m++)
        {
            over += Math.Max(0, totals[m] - problem.Limits[m]) / Math.Max(Math.Abs(problem.Limits[m]), double.Epsilon);
        }

        return over;
    }

    static bool Exchange(Reduced problem, int[] picks, double[] totals, Func<double, double, double> worth)
    {
        double now = Over(problem, totals);
        (int Group, int Choice, double Worth) best = (-1, -1, double.NegativeInfinity);
        double[] then = new double[totals.Length];
        for (int group = 0; group < picks.Length; group++)
        {
            double[] old = problem.Values[group][picks[group]];
            for (int c = 0; c < problem.Values[group].Length; c++)
            {
                double[] choice = problem.Values[group][c];
                for (int m = 0; m < then.Length; m++)
                {
                    then[m] = totals[m] + choice[m + 1] - old[m + 1];
                }

                double gain = c == picks[group] ? double.NegativeInfinity : worth(now - Over(problem, then), choice[0] - old[0]);
                best = gain > best.Worth ? (group, c, gain) : best;
            }
        }

        if (best.Group < 0)
        {
            return false;
        }

        for (int m = 0; m < totals.Length; m++)
        {
            totals[m] += problem.Values[best.Group][best.Choice][m + 1] - problem.Values[best.Group][picks[best.Group]][m + 1];
        }

        picks[best.Group] = best.Choice;
        return true;
    }
}
