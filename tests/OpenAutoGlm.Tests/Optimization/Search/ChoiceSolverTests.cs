using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Search;

public sealed class ChoiceSolverTests
{
    const double None = double.PositiveInfinity;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    public void The_picks_are_the_best_of_all_and_what_cannot_be_is_said(int seed, int limited)
    {
        Random random = new(seed);
        int impossible = 0;
        for (int round = 0; round < 150; round++)
        {
            ChoiceProblem problem = Random(random, groups: random.Next(1, 7), limited, whole: random.Next(2) == 0);
            int objective = random.Next(limited + 1);
            double[] limits = [.. Enumerable.Range(0, limited + 1).Select(m => m == objective && random.Next(3) > 0 ? None : Limit(random, problem, m))];

            ChoiceResult result = ChoiceSolver.Solve(problem, objective, limits, cancellation: TestContext.Current.CancellationToken);
            double? best = Brute(problem, objective, limits);

            Assert.Equal(best is null, result.Solution is null);
            if (result.Solution is { } solution)
            {
                Assert.Equal(best!.Value, solution.Totals[objective], 1e-9);
                Assert.Equal(0, solution.Gap);
                Assert.True(solution.LowerBound <= best.Value + 1e-9);
                Assert.Equal(problem.TotalsOf(solution.Picks.AsSpan()), solution.Totals);
                Assert.All(limits.Zip(solution.Totals), pair => Assert.True(pair.Second <= pair.First + 1e-9));
                continue;
            }

            impossible++;
            foreach (NearestLimit nearest in result.Nearest)
            {
                double[] others = [.. limits];
                others[nearest.Measure] = None;
                double? reachable = Brute(problem, nearest.Measure, others);
                Assert.Equal(reachable is not null, nearest.WithOthers);
                Assert.Equal(reachable ?? problem.LeastOf(nearest.Measure), nearest.Reachable, 1e-9);
                Assert.Equal(limits[nearest.Measure], nearest.Asked);
            }
        }

        Assert.InRange(impossible, 10, 140);
    }

    [Fact]
    public void Two_hundred_groups_of_twelve_choices_are_solved_to_the_end()
    {
        Random random = new(5);
        ChoiceProblem problem = Random(random, groups: 200, limited: 1, whole: true, choices: 12);
        double limit = Enumerable.Range(0, 200).Sum(g => problem.Values[g].Average(c => c[1]));
        ChoiceSolution solution = ChoiceSolver.Solve(problem, 0, [None, limit], cancellation: TestContext.Current.CancellationToken).Solution!;
        Assert.True(solution.IsOptimal);
        Assert.True(solution.Totals[1] <= limit);
    }

    [Fact]
    public void With_too_little_room_for_partial_picks_the_gap_says_what_that_may_have_cost()
    {
        Random random = new(6);
        int gaps = 0;
        for (int round = 0; round < 30; round++)
        {
            ChoiceProblem problem = Random(random, groups: 6, limited: 2, whole: false);
            double[] limits = [None, Limit(random, problem, 1), Limit(random, problem, 2)];
            double? best = Brute(problem, 0, limits);
            if (best is not { } least || ChoiceSolver.Solve(problem, 0, limits, mostStates: 1, TestContext.Current.CancellationToken).Solution is not { } solution)
            {
                continue;
            }

            Assert.True(solution.LowerBound <= least + 1e-9);
            Assert.True(solution.Totals[0] >= least - 1e-9);
            Assert.True(solution.Gap > 0 || Math.Abs(solution.Totals[0] - least) < 1e-9);
            gaps += solution.Gap > 0 ? 1 : 0;
        }

        Assert.True(gaps > 0);
    }

    [Fact]
    public void Groups_without_choices_and_values_that_are_no_numbers_are_refused_by_place()
    {
        Assert.Contains("Group 1", Assert.Throws<ArgumentException>(() => new ChoiceProblem([[[1, 2]], []])).Message);
        Assert.Contains("Choice 1 of group 0", Assert.Throws<ArgumentException>(() => new ChoiceProblem([[[1, 2], [1, double.NaN]]])).Message);
    }

    /// <summary>Larger costs go with smaller loss, as formats have it, with noise; whole numbers make ties.</summary>
    static ChoiceProblem Random(Random random, int groups, int limited, bool whole, int choices = 0) => new(
    [
        .. Enumerable.Range(0, groups).Select(_ =>
        {
            double weight = random.NextDouble() * 10;
            return Enumerable.Range(0, choices > 0 ? choices : random.Next(1, 6)).Select(c =>
            {
                double[] costs = [.. Enumerable.Range(0, limited).Select(_ => (c + random.NextDouble()) * 10)];
                double loss = weight * Math.Pow(0.5, c) * (0.8 + (0.4 * random.NextDouble()));
                return (ImmutableArray<double>)[whole ? Math.Round(loss) : loss, .. costs.Select(cost => whole ? Math.Round(cost) : cost)];
            }).ToImmutableArray();
        }),
    ]);

    static double Limit(Random random, ChoiceProblem problem, int measure)
    {
        double least = problem.LeastOf(measure);
        double most = problem.Values.Sum(group => group.Max(choice => choice[measure]));
        return least + ((random.NextDouble() - 0.1) * (most - least));
    }

    static double? Brute(ChoiceProblem problem, int objective, double[] limits)
    {
        double? best = null;
        int[] picks = new int[problem.Groups];
        while (true)
        {
            ImmutableArray<double> totals = problem.TotalsOf(picks);
            if (totals.Zip(limits).All(pair => pair.First <= pair.Second + 1e-12) && !(totals[objective] >= best))
            {
                best = totals[objective];
            }

            int group = 0;
            while (group < picks.Length && ++picks[group] == problem.Values[group].Length)
            {
                picks[group++] = 0;
            }

            if (group == picks.Length)
            {
                return best;
            }
        }
    }
}
