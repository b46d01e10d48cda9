using System.Collections.Immutable;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Search.Costs;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>What a candidate has, measured on the real model.</summary>
/// <param name="Quality">On windows that nothing was chosen by.</param>
/// <param name="Time">On this machine; null where the wish says nothing about times.</param>
public sealed record MeasuredCandidate(Quality Quality, KernelTime? Time);

/// <summary>Measures a candidate.</summary>
/// <param name="assignment">Its formats.</param>
/// <param name="cancellation">Breaks off.</param>
public delegate MeasuredCandidate MeasureCandidate(Assignment assignment, CancellationToken cancellation);

/// <summary>A candidate that was built and measured.</summary>
/// <param name="Answer">What was predicted.</param>
/// <param name="Measured">What came out.</param>
/// <param name="Kept">Whether everything that was asked for is kept.</param>
/// <param name="Name">Where the candidate came from: "searched", "Q4_K everywhere".</param>
public sealed record PromiseRound(SearchAnswer Answer, MeasuredCandidate Measured, bool Kept, string Name);

/// <summary>How a wish ended.</summary>
/// <param name="Best">The result: the best candidate that keeps the wish, or where none does the one that is nearest to it; null where the budgets alone are impossible.</param>
/// <param name="Kept">Whether the wish is kept, by measured numbers.</param>
/// <param name="Rounds">Everything that was measured, in order.</param>
/// <param name="Nearest">Where the wish is not kept: what can be reached instead.</param>
public sealed record PromiseResult(PromiseRound? Best, bool Kept, ImmutableArray<PromiseRound> Rounds, ImmutableArray<NearestReach> Nearest);

/// <summary>
/// Searches, measures, and searches again until what was measured keeps the wish. A search knows predictions only; where
/// the real model is worse than its prediction allows, the limit on predicted loss is tightened in proportion, which
/// upgrades the groups that gain most for what they cost, and where it is better the slack is spent. At most
/// <see cref="MostRounds"/> candidates are measured.
/// <para>
/// The promise is about measured numbers: a limit on KL or on the rise of perplexity is kept where the mean plus
/// <see cref="ErrorsAllowed"/> standard errors is within it, so that with a probability of 95 % the true mean is too; bytes
/// are exact; a time is kept where its median is within the limit.
/// </para>
/// </summary>
public sealed class PromiseKeeper(FormatSearch search, MeasureCandidate measure)
{
    /// <summary>Standard errors on top of a mean: one side, 95 %.</summary>
    public const double ErrorsAllowed = 1.645;

    /// <summary>Candidates that are measured at most, rivals not counted.</summary>
    public const int MostRounds = 10;

    const double EnoughSpent = 0.93;
    const double NearEnough = 1.04;

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

    /// <summary>Keeps a wish, or finds what is nearest to it.</summary>
    public PromiseResult Run(Wish wish, CancellationToken cancellation = default)
    {
        wish.Check();
        SearchLimits asked = SearchLimits.Of(wish);
        (SearchAnswer? possible, ImmutableArray<NearestReach> nearest) = search.Solve(Goal.Loss, asked with { Loss = double.PositiveInfinity }, cancellation);
        if (possible is null)
        {
            return new PromiseResult(null, false, [], nearest);
        }

        PromiseRound? best = Repeat(wish, asked, possible, cancellation);
        best = wish.Goal == Goal.Loss ? WithRivals(wish, asked, best, cancellation) : best;
        return best is not null
            ? new PromiseResult(best, true, [.. _rounds], [])
            : new PromiseResult(NearestRound(wish), false, [.. _rounds], Unreached(wish, asked, cancellation));
    }

    PromiseRound? Repeat(Wish wish, SearchLimits asked, SearchAnswer leastLoss, CancellationToken cancellation)
    {
        SearchLimits limits = asked;
        PromiseRound? best = null;
        (double kept, double broken) = (0, double.PositiveInfinity);
        bool last = false;
        for (int round = 0; round < MostRounds && !last; round++)
        {
            SearchAnswer? answer = search.Solve(wish.Goal, limits, cancellation).Answer;
            if (answer is null || Known(answer.Assignment) is not null)
            {
                // Nothing lies between what is known to be kept and to be broken; or, in the beginning, predictions allow nothing, and may be wrong.
                if (best is not null || Known(leastLoss.Assignment) is not null)
                {
                    break;
                }

                (answer, last) = (leastLoss, true);
            }

            PromiseRound tried = Try(wish, answer, "searched", cancellation);
            best = Better(wish, best, tried);
            double use = Use(wish, tried.Measured.Quality);
            bool quality = use <= 1;
            if (quality && tried.Kept)
            {
                kept = Math.Max(kept, answer.Loss);
                last |= !wish.HasFloor || wish.Goal == Goal.Loss || use > EnoughSpent;
            }

            broken = quality ? broken : Math.Min(broken, answer.Loss);
            limits = Next(limits, wish, tried, use, kept, broken);
            last |= broken < kept * NearEnough;
        }

        return best;
    }

    /// <summary>The limits of the next search: between what was kept and what was not, or in proportion to the one that is known.</summary>
    static SearchLimits Next(SearchLimits limits, Wish wish, PromiseRound tried, double use, double kept, double broken)
    {
        if (wish.HasFloor)
        {
            double predicted = Math.Max(tried.Answer.Loss, 1e-12);
            double next = kept > 0 && !double.IsPositiveInfinity(broken) ? Math.Sqrt(kept * broken)
                : use > 1 ? predicted / Math.Clamp(use * 1.03, 1.1, 8)
                : predicted * Math.Clamp(0.97 / Math.Max(use, 1e-9), 1.05, 4);
            limits = limits with { Loss = next };
        }

        if (tried.Measured.Time is not { } time)
        {
            return limits;
        }

        // A kernel alone and the same kernel between others do not take the same time; the ratio is taken for that of all candidates.
        double decode = wish.MaxDecodeSeconds is { } most && time.DecodeSeconds > most ? 0.99 * most / time.DecodeSeconds : 1;
        double prefill = wish.MaxPrefillSeconds is { } mostPrefill && time.PrefillSeconds > mostPrefill ? 0.99 * mostPrefill / time.PrefillSeconds : 1;
        return limits with
        {
            DecodeSeconds = decode < 1 ? Math.Min(limits.DecodeSeconds, tried.Answer.Cost.DecodeSeconds) * decode : limits.DecodeSeconds,
            PrefillSeconds = prefill < 1 ? Math.Min(limits.PrefillSeconds, tried.Answer.Cost.PrefillSeconds) * prefill : limits.PrefillSeconds,
        };
    }

    PromiseRound? WithRivals(Wish wish, SearchLimits asked, PromiseRound? best, CancellationToken cancellation)
    {
        double reach = 2 * (best?.Answer.Loss ?? double.PositiveInfinity);
        var near = Rivals.Select(rival => (rival.Name, Answer: search.Predict(rival.Assignment)))
            .Where(rival => Known(rival.Answer.Assignment) is null && rival.Answer.Loss <= reach && Within(asked, rival.Answer.Cost))
            .OrderBy(rival => rival.Answer.Loss)
            .Take(MostRivals);
        foreach ((string name, SearchAnswer answer) in near.ToArray())
        {
            best = Better(wish, best, Try(wish, answer, name, cancellation));
        }

        return best;
    }

    static bool Within(SearchLimits limits, ChoiceCost cost) =>
        cost.Bytes <= limits.Bytes && cost.DecodeSeconds <= limits.DecodeSeconds && cost.PrefillSeconds <= limits.PrefillSeconds;

    PromiseRound? Known(Assignment assignment) => _rounds.FirstOrDefault(round => round.Answer.Assignment.Equals(assignment));

    PromiseRound Try(Wish wish, SearchAnswer answer, string name, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        MeasuredCandidate measured = measure(answer.Assignment, cancellation);
        bool kept = Use(wish, measured.Quality) <= 1
            && answer.Cost.Bytes <= (wish.MaxBytes ?? double.PositiveInfinity)
            && (measured.Time?.DecodeSeconds ?? 0) <= (wish.MaxDecodeSeconds ?? double.PositiveInfinity)
            && (measured.Time?.PrefillSeconds ?? 0) <= (wish.MaxPrefillSeconds ?? double.PositiveInfinity);
        PromiseRound round = new(answer, measured, kept, name);
        _rounds.Add(round);
        Progress?.Report(round);
        return round;
    }

    static PromiseRound? Better(Wish wish, PromiseRound? best, PromiseRound other) =>
        !other.Kept ? best : best is null || Value(wish.Goal, other) < Value(wish.Goal, best) ? other : best;

    static double Value(Goal goal, PromiseRound round) => goal switch
    {
        Goal.Loss => round.Measured.Quality.MeanKl,
        Goal.Bytes => round.Answer.Cost.Bytes,
        Goal.DecodeSeconds => round.Measured.Time?.DecodeSeconds ?? round.Answer.Cost.DecodeSeconds,
        _ => round.Measured.Time?.PrefillSeconds ?? round.Answer.Cost.PrefillSeconds,
    };

    /// <summary>The candidate that breaks the wish least.</summary>
    PromiseRound? NearestRound(Wish wish) => _rounds.MinBy(round => Math.Max(
        Use(wish, round.Measured.Quality),
        Math.Max(
            wish.MaxDecodeSeconds is { } decode ? (round.Measured.Time?.DecodeSeconds ?? 0) / decode : 0,
            wish.MaxPrefillSeconds is { } prefill ? (round.Measured.Time?.PrefillSeconds ?? 0) / prefill : 0)));

    /// <summary>For each limit the nearest value that something measured has, or, for budgets, that predictions give when the floor is kept to.</summary>
    ImmutableArray<NearestReach> Unreached(Wish wish, SearchLimits asked, CancellationToken cancellation)
    {
        ImmutableArray<NearestReach>.Builder nearest = ImmutableArray.CreateBuilder<NearestReach>();
        PromiseRound[] within = [.. _rounds.Where(round => Within(asked with { DecodeSeconds = double.PositiveInfinity, PrefillSeconds = double.PositiveInfinity }, round.Answer.Cost))];
        if (wish.HasFloor && within.Length > 0)
        {
            PromiseRound closest = within.MinBy(round => Use(wish, round.Measured.Quality))!;
            if (Use(wish, closest.Measured.Quality) > 1)
            {
                nearest.Add(new NearestReach(Goal.Loss, wish.LossLimit, wish.LossLimit * Use(wish, closest.Measured.Quality), true, Measured: true));
            }
        }

        if (wish.MaxDecodeSeconds is { } decode && _rounds.Min(round => round.Measured.Time?.DecodeSeconds) is { } fastest && fastest > decode)
        {
            nearest.Add(new NearestReach(Goal.DecodeSeconds, decode, fastest, true, Measured: true));
        }

        if (wish.MaxPrefillSeconds is { } prefill && _rounds.Min(round => round.Measured.Time?.PrefillSeconds) is { } quickest && quickest > prefill)
        {
            nearest.Add(new NearestReach(Goal.PrefillSeconds, prefill, quickest, true, Measured: true));
        }

        if (wish.HasFloor && wish.MaxBytes is { } bytes)
        {
            // How far predictions were off is known from what was measured.
            double trust = _rounds.Max(round => Use(wish, round.Measured.Quality) * wish.LossLimit / Math.Max(round.Answer.Loss, 1e-12));
            SearchLimits floor = asked with { Bytes = double.PositiveInfinity, Loss = wish.LossLimit / Math.Max(1, trust) };
            if (search.Solve(Goal.Bytes, floor, cancellation).Answer is { } smallest && smallest.Cost.Bytes > bytes)
            {
                nearest.Add(new NearestReach(Goal.Bytes, bytes, smallest.Cost.Bytes, true));
            }
        }

        return nearest.ToImmutable();
    }
}
