namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// The exact part: group by group, all partial picks that may still become the best. A partial pick goes when a limit
/// can no longer be kept, when its bound (what it has, and the rest at the relaxation's prices) is no better than the best
/// picks known, or when another one is no worse in everything.
/// </summary>
static class PartialPicks
{
    /// <summary>How many neighbours a state is compared with where there are three limits and more.</summary>
    const int Neighbours = 48;

    /// <summary>Searches.</summary>
    /// <returns>The best picks, null for none, and a bound below which no picks can be.</returns>
    internal static (int[]? Picks, double Bound) Search(Reduced problem, Relaxation relaxation, int mostStates, CancellationToken cancellation)
    {
        int measures = problem.Limits.Length;
        double best = relaxation.Value;
        double constant = -relaxation.Prices.Select((price, m) => price * problem.Limits[m]).Sum();
        double[][] priced = [.. problem.Values.Select(group => group.Select(relaxation.Priced).ToArray())];
        double relaxed = constant + priced.Sum(group => group.Min());
        double slack = Tolerance(best, relaxed);

        // Forcing a choice raises the bound by what it costs more than the best of its group.
        int[][] open = [.. priced.Select(group => Enumerable.Range(0, group.Length).Where(c => relaxed + group[c] - group.Min() < best - slack).ToArray())];
        if (open.Any(choices => choices.Length == 0))
        {
            return (relaxation.Picks, best);
        }

        int[] order = [.. Enumerable.Range(0, problem.Groups).OrderByDescending(group => open[group].Length).ThenBy(group => group)];
        double[] restPriced = new double[order.Length + 1];
        double[][] restLeast = [.. Enumerable.Range(0, order.Length + 1).Select(_ => new double[measures])];
        for (int i = order.Length - 1; i >= 0; i--)
        {
            restPriced[i] = restPriced[i + 1] + open[order[i]].Min(c => priced[order[i]][c]);
            for (int m = 0; m < measures; m++)
            {
                restLeast[i][m] = restLeast[i + 1][m] + open[order[i]].Min(c => problem.Values[order[i]][c][m + 1]);
            }
        }

        List<State> states = [new State(0, constant, new double[measures], -1, -1)];
        (int Parent, int Choice)[][] history = new (int, int)[order.Length][];
        double dropped = double.PositiveInfinity;
        for (int i = 0; i < order.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            List<State> next = new(states.Count * open[order[i]].Length);
            for (int s = 0; s < states.Count; s++)
            {
                foreach (int c in open[order[i]])
                {
                    double[] choice = problem.Values[order[i]][c];
                    double bound = states[s].Priced + priced[order[i]][c];
                    double[] sums = new double[measures];
                    bool fits = bound + restPriced[i + 1] < best - slack;
                    for (int m = 0; m < measures && fits; m++)
                    {
                        sums[m] = states[s].Sums[m] + choice[m + 1];
                        fits = sums[m] + restLeast[i + 1][m] <= problem.Limits[m];
                    }

                    if (fits)
                    {
                        next.Add(new State(states[s].Objective + choice[0], bound, sums, s, c));
                    }
                }
            }

            next = Undominated(next, measures);
            if (next.Count > mostStates)
            {
                next.Sort((a, b) => a.Priced.CompareTo(b.Priced));
                dropped = Math.Min(dropped, next[mostStates].Priced + restPriced[i + 1]);
                next.RemoveRange(mostStates, next.Count - mostStates);
            }

            history[i] = [.. next.Select(state => (state.Parent, state.Choice))];
            states = next;
        }

        int last = -1;
        for (int s = 0; s < states.Count; s++)
        {
            if (states[s].Objective < best)
            {
                (last, best) = (s, states[s].Objective);
            }
        }

        return (last < 0 ? relaxation.Picks : Trace(history, order, last), Math.Min(best, dropped));
    }

    /// <summary>Bounds are sums of many numbers: a difference below their rounding is none.</summary>
    static double Tolerance(double best, double relaxed) => double.IsPositiveInfinity(best) ? 0 : 1e-12 * Math.Max(Math.Abs(best), Math.Abs(relaxed));

    static int[] Trace((int Parent, int Choice)[][] history, int[] order, int last)
    {
        int[] picks = new int[order.Length];
        for (int i = order.Length - 1; i >= 0; i--)
        {
            picks[order[i]] = history[i][last].Choice;
            last = history[i][last].Parent;
        }

        return picks;
    }

    static List<State> Undominated(List<State> states, int measures)
    {
        if (measures == 0)
        {
            return states.Count == 0 ? states : [states.MinBy(state => state.Objective)];
        }

        states.Sort((a, b) => a.Sums[0] != b.Sums[0] ? a.Sums[0].CompareTo(b.Sums[0]) : a.Objective.CompareTo(b.Objective));
        List<State> kept = new(states.Count);
        if (measures == 1)
        {
            double least = double.PositiveInfinity;
            foreach (State state in states.Where(state => state.Objective < least))
            {
                kept.Add(state);
                least = state.Objective;
            }

            return kept;
        }

        foreach (State state in states)
        {
            bool dominated = false;
            for (int i = kept.Count - 1; i >= Math.Max(0, kept.Count - Neighbours) && !dominated; i--)
            {
                dominated = kept[i].Objective <= state.Objective && NoneAbove(kept[i].Sums, state.Sums);
            }

            if (!dominated)
            {
                kept.Add(state);
            }
        }

        return kept;
    }

    static bool NoneAbove(double[] a, double[] b)
    {
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] > b[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Picks of the first groups.</summary>
    /// <param name="Objective">Their objective.</param>
    /// <param name="Priced">Objective and priced measures, less the priced limits.</param>
    /// <param name="Sums">Their limited measures.</param>
    /// <param name="Parent">The state without the last pick.</param>
    /// <param name="Choice">The last pick.</param>
    readonly record struct State(double Objective, double Priced, double[] Sums, int Parent, int Choice);
}
