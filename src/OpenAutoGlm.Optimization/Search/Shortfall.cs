using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>What can be reached instead of a wish that nothing measured has kept.</summary>
static class Shortfall
{
    internal static readonly ImmutableArray<Goal> Measures = [Goal.Loss, Goal.Bytes, Goal.DecodeSeconds, Goal.PrefillSeconds];

    /// <summary>The candidate that breaks the wish least.</summary>
    internal static PromiseRound? NearestRound(Wish wish, IReadOnlyList<PromiseRound> rounds) => rounds.MinBy(round => Measures.Max(goal => round.Use(wish, goal)));

    /// <summary>For each limit the nearest value that something measured has, or, for bytes, that predictions give when the floor is kept to.</summary>
    internal static ImmutableArray<NearestReach> Of(Wish wish, IReadOnlyList<PromiseRound> rounds, FormatSearch search, Aims aims, CancellationToken cancellation)
    {
        List<NearestReach> nearest = [];
        foreach (Goal goal in Measures.Where(goal => goal != Goal.Bytes && wish.LimitOf(goal) is not null))
        {
            PromiseRound[] others = [.. rounds.Where(round => Measures.All(other => other == goal || round.Use(wish, other) <= 1))];
            double reach = (others.Length > 0 ? others : rounds).Min(round => round.Use(wish, goal));
            if (reach > 1)
            {
                nearest.Add(Reach(goal, reach, others.Length > 0));
            }
        }

        if (wish.HasFloor && wish.MaxBytes is { } bytes)
        {
            // How far predictions were off is known from what was measured.
            double trust = rounds.Max(round => round.Use(wish, Goal.Loss) * wish.LossLimit / Math.Max(round.Answer.Loss, 1e-12));
            SearchLimits floor = aims.Limits with { Bytes = double.PositiveInfinity, Loss = wish.LossLimit / Math.Max(1, trust) };
            if (search.Solve(Goal.Bytes, floor, cancellation).Answer is { } smallest && smallest.Cost.Bytes > bytes)
            {
                nearest.Add(new NearestReach(Goal.Bytes, bytes, smallest.Cost.Bytes, true));
            }
        }

        if (nearest.Count == 0)
        {
            // Every limit is kept by something, and nothing keeps all: what the nearest candidate breaks.
            PromiseRound closest = NearestRound(wish, rounds)!;
            nearest.AddRange(Measures.Where(goal => closest.Use(wish, goal) > 1).Select(goal => Reach(goal, closest.Use(wish, goal), withOthers: false)));
        }

        return [.. nearest];

        NearestReach Reach(Goal goal, double use, bool withOthers) => new(goal, wish.LimitOf(goal)!.Value, wish.LimitOf(goal)!.Value * use, withOthers, Measured: true);
    }
}
