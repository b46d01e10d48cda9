using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// Solves <see cref="ChoiceProblem"/>s exactly, or says how far from the best the answer may be. Three steps: choices
/// that another one beats in everything go; multipliers on the limits (a Lagrangian relaxation, maximised by
/// subgradients) give a lower bound, good picks, and strike out every choice that would force the objective above them;
/// what is left is searched group by group as a list of partial picks, of which those go that another one dominates or
/// whose bound is no better than the best picks known. Source: Kellerer, Pferschy and Pisinger 2004, ch. 11; Held and
/// Karp 1971 for the multipliers.
/// </summary>
public static class ChoiceSolver
{
    /// <summary>Partial picks that are kept for a group when nothing else is said.</summary>
    public const int DefaultStates = 50_000;

    /// <summary>Finds the picks of the smallest objective within all limits.</summary>
    /// <param name="problem">The choices.</param>
    /// <param name="objective">The measure to make small.</param>
    /// <param name="limits">The largest total of each measure; infinity for no limit.</param>
    /// <param name="mostStates">Partial picks to keep at a time. Where more are alive the rest is dropped, and the gap says what that may have cost.</param>
    /// <param name="cancellation">Breaks off.</param>
    /// <exception cref="ArgumentException">There is not one limit for each measure.</exception>
    public static ChoiceResult Solve(ChoiceProblem problem, int objective, ReadOnlySpan<double> limits, int mostStates = DefaultStates, CancellationToken cancellation = default)
    {
        if (limits.Length != problem.Measures)
        {
            throw new ArgumentException($"There are {limits.Length} limits for {problem.Measures} measures.", nameof(limits));
        }

        ChoiceSolution? solution = Best(problem, objective, limits, mostStates, cancellation);
        return solution is not null
            ? new ChoiceResult(solution, [])
            : new ChoiceResult(null, Nearest(problem, limits, mostStates, cancellation));
    }

    static ChoiceSolution? Best(ChoiceProblem problem, int objective, ReadOnlySpan<double> limits, int mostStates, CancellationToken cancellation)
    {
        int[] limited = [.. Enumerable.Range(0, problem.Measures).Where(measure => measure != objective)];
        double[] most = new double[limited.Length];
        for (int i = 0; i < limited.Length; i++)
        {
            most[i] = Slack(limits[limited[i]]);
        }

        int[] bounded = [.. Enumerable.Range(0, limited.Length).Where(i => !double.IsPositiveInfinity(most[i]))];
        Reduced reduced = Reduced.Of(problem, objective, [.. bounded.Select(i => limited[i])], [.. bounded.Select(i => most[i])]);
        double ceiling = Slack(limits[objective]);
        if (!reduced.MayFit())
        {
            return null;
        }

        Relaxation relaxation = Relaxation.Of(reduced, cancellation);
        (int[]? picks, double bound) = PartialPicks.Search(reduced, relaxation, mostStates, cancellation);
        if (picks is null)
        {
            return null;
        }

        int[] original = reduced.Original(picks);
        ImmutableArray<double> totals = problem.TotalsOf(original);
        double value = totals[objective];
        double gap = bound >= value - (1e-12 * Math.Abs(value)) ? 0 : (value - bound) / Math.Abs(value);
        return value <= ceiling ? new ChoiceSolution([.. original], totals, Math.Min(bound, value), gap) : null;
    }

    static ImmutableArray<NearestLimit> Nearest(ChoiceProblem problem, ReadOnlySpan<double> limits, int mostStates, CancellationToken cancellation)
    {
        ImmutableArray<NearestLimit>.Builder nearest = ImmutableArray.CreateBuilder<NearestLimit>();
        for (int measure = 0; measure < limits.Length; measure++)
        {
            if (double.IsPositiveInfinity(limits[measure]))
            {
                continue;
            }

            double[] others = limits.ToArray();
            others[measure] = double.PositiveInfinity;
            ChoiceSolution? with = Best(problem, measure, others, mostStates, cancellation);
            nearest.Add(new NearestLimit(measure, limits[measure], with?.Totals[measure] ?? problem.LeastOf(measure), with is not null));
        }

        return nearest.ToImmutable();
    }

    /// <summary>A limit with room for the rounding of sums, too little for a byte.</summary>
    static double Slack(double limit) => limit + (1e-12 * Math.Abs(limit));
}
