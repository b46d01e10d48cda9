using System.Collections.Immutable;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Search.Costs;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// Searches, measures, and searches again until what was measured keeps the wish. A search knows predictions only; where
/// the real model is worse than its prediction allows, the limit on the prediction is tightened in proportion, which
/// upgrades the groups that gain most for what they cost, and where it is better the slack is spent. At most
/// <see cref="MostRounds"/> candidates are measured.
/// <para>
/// The promise is about measured numbers: a limit on KL or on the rise of perplexity is kept where the mean plus
/// <see cref="ErrorsAllowed"/> standard errors is within it, so that with a probability of 95 % the true mean is too; bytes
/// are exact; a time is kept where the measured one and <see cref="TimeMargin"/> of it are within the limit. No time is called
/// impossible by its prediction alone: the fastest candidate is measured first.
/// </para>
/// </summary>
public sealed class PromiseKeeper(FormatSearch search, MeasureCandidate measure)
{
    /// <summary>Standard errors on top of a mean: one side, 95 %.</summary>
    public const double ErrorsAllowed = 1.645;

    /// <summary>What a measured time must stay below its limit by, as a share of it, since it will not be measured the same again.</summary>
    public const double TimeMargin = 0.05;

    /// <summary>Candidates that are measured at most, rivals not counted.</summary>
    public const int MostRounds = 10;

    readonly List<PromiseRound> _rounds = [];

    /// <summary>Fixed assignments (one format everywhere, mixes that others use) that the search must beat; those that keep the budgets and are predicted to come near are measured too.</summary>
    public IReadOnlyList<(string Name, Assignment Assignment)> Rivals { get; init; } = [];

    /// <summary>Rivals that are measured at most.</summary>
    public int MostRivals { get; init; } = 3;

    /// <summary>Told of every round.</summary>
    public IProgress<PromiseRound>? Progress { get; init; }

    /// <summary>By how much a measured quality uses its floor up: at most 1 where it is kept.</summary>
    public static double Use(Wish wish, Quality quality)
    {
        double use = 0;
        if (wish.MaxKl is { } kl)
        {
            use = (quality.MeanKl + (ErrorsAllowed * quality.MeanKlError)) / kl;
        }

        return wish.MaxLossPercent is { } percent
            ? Math.Max(use, (quality.CrossEntropyChange + (ErrorsAllowed * quality.CrossEntropyChangeError)) / Math.Log(1 + (percent / 100)))
            : use;
    }

    /// <summary>The time that may be promised where one was measured.</summary>
    public static double Promised(double measuredSeconds) => measuredSeconds * (1 + TimeMargin);

    /// <summary>Keeps a wish, or finds what is nearest to it.</summary>
    public PromiseResult Run(Wish wish, CancellationToken cancellation = default)
    {
        wish.Check();
        Aims aims = new(wish);
        (SearchAnswer? possible, ImmutableArray<NearestReach> nearest) = search.Solve(Goal.Loss, aims.Size, cancellation);
        if (possible is null)
        {
            return new PromiseResult(null, false, [], nearest);
        }

        PromiseRound? best = Repeat(wish, aims, cancellation);
        best = wish.Goal == Goal.Loss ? WithRivals(wish, aims, best, cancellation) : best;
        return best is not null
            ? new PromiseResult(best, true, [.. _rounds], [])
            : new PromiseResult(Shortfall.NearestRound(wish, _rounds), false, [.. _rounds], Shortfall.Of(wish, _rounds, search, aims, cancellation));
    }

    PromiseRound? Repeat(Wish wish, Aims aims, CancellationToken cancellation)
    {
        PromiseRound? best = null;
        for (int round = 0; round < MostRounds; round++)
        {
            SearchAnswer? answer = search.Solve(wish.Goal, aims.Limits, cancellation).Answer;
            if (answer is null || Known(answer.Assignment))
            {
                // Nothing lies between what is known to be kept and to be broken; or, as long as nothing is kept, predictions may be wrong.
                answer = best is null ? Extremes(wish, aims, cancellation).FirstOrDefault(extreme => !Known(extreme.Assignment)) : null;
            }

            if (answer is null)
            {
                break;
            }

            PromiseRound tried = Try(wish, answer, "searched", cancellation);
            best = Better(wish, best, tried);
            aims.Learn(tried);
            if (best is not null && aims.AreSettled)
            {
                break;
            }
        }

        return best;
    }

    /// <summary>What says whether a wish can be kept at all, and what the nearest is: the least loss within the budgets, and for a limited time the fastest with the floor and without it.</summary>
    IEnumerable<SearchAnswer> Extremes(Wish wish, Aims aims, CancellationToken cancellation)
    {
        List<(Goal Goal, SearchLimits Limits)> problems = [(Goal.Loss, aims.Limits with { Loss = double.PositiveInfinity })];
        foreach (Goal time in new[] { Goal.DecodeSeconds, Goal.PrefillSeconds }.Where(goal => wish.LimitOf(goal) is not null))
        {
            problems.Add((time, aims.Size with { Loss = aims.Loss.Limit }));
            problems.Add((time, aims.Size));
        }

        return problems.Select(problem => search.Solve(problem.Goal, problem.Limits, cancellation).Answer).OfType<SearchAnswer>();
    }

    PromiseRound? WithRivals(Wish wish, Aims aims, PromiseRound? best, CancellationToken cancellation)
    {
        double reach = 2 * (best?.Answer.Loss ?? double.PositiveInfinity);
        var near = Rivals.Select(rival => (rival.Name, Answer: search.Predict(rival.Assignment)))
            .Where(rival => !Known(rival.Answer.Assignment) && rival.Answer.Loss <= reach && rival.Answer.Cost.Within(aims.Limits))
            .OrderBy(rival => rival.Answer.Loss)
            .Take(MostRivals);
        foreach ((string name, SearchAnswer answer) in near.ToArray())
        {
            best = Better(wish, best, Try(wish, answer, name, cancellation));
        }

        return best;
    }

    bool Known(Assignment assignment) => _rounds.Any(round => round.Answer.Assignment.Equals(assignment));

    PromiseRound Try(Wish wish, SearchAnswer answer, string name, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        PromiseRound round = new(answer, measure(answer.Assignment, cancellation), Kept: false, name);
        round = round with { Kept = Shortfall.Measures.All(goal => round.Use(wish, goal) <= 1) };
        _rounds.Add(round);
        Progress?.Report(round);
        return round;
    }

    static PromiseRound? Better(Wish wish, PromiseRound? best, PromiseRound other) =>
        !other.Kept ? best : best is null || other.Value(wish.Goal) < best.Value(wish.Goal) ? other : best;
}
