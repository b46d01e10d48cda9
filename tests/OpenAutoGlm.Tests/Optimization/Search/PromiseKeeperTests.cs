using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search;

public sealed class PromiseKeeperTests
{
    static readonly ImmutableArray<TensorFormat> Formats = [TensorFormat.F32, TensorFormat.Q8_0, TensorFormat.Q6_K, TensorFormat.Q5_K, TensorFormat.Q4_K, TensorFormat.Q2_K];

    [Theory]
    [InlineData(1.0)]
    [InlineData(3.0)]
    [InlineData(0.3)]
    public void A_floor_is_kept_by_measured_numbers_and_spent_whatever_predictions_are_worth(double truth)
    {
        FormatSearch search = Search();
        Wish wish = new() { MaxKl = 0.05 };
        PromiseResult result = new PromiseKeeper(search, Measuring(search, truth)).Run(wish, TestContext.Current.CancellationToken);

        Assert.True(result.Kept);
        Assert.InRange(PromiseKeeper.Use(wish, result.Best!.Measured.Quality), 0.8, 1);
        Assert.InRange(result.Rounds.Length, 1, PromiseKeeper.MostRounds);

        // Nothing smaller keeps the true floor by much: the smallest for the true loss is at most a little smaller.
        double smallest = search.Solve(Goal.Bytes, new SearchLimits(0.05 / truth, double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity), TestContext.Current.CancellationToken).Answer!.Cost.Bytes;
        Assert.InRange(result.Best.Answer.Cost.Bytes, smallest, smallest * 1.06);
    }

    [Fact]
    public void An_impossible_budget_names_the_nearest_and_measures_nothing()
    {
        FormatSearch search = Search();
        PromiseResult result = new PromiseKeeper(search, (_, _) => throw new InvalidOperationException("measured")).Run(new Wish { MaxBytes = 10 }, TestContext.Current.CancellationToken);
        Assert.Null(result.Best);
        NearestReach nearest = Assert.Single(result.Nearest);
        Assert.Equal((Goal.Bytes, 10.0), (nearest.What, nearest.Asked));
        double least = search.Costs.Fixed.Bytes + search.Costs.Groups.Sum(group => group.Min(cost => cost.Bytes));
        Assert.Equal(least, nearest.Reachable);
        Assert.NotNull(search.Solve(Goal.Loss, new SearchLimits(double.PositiveInfinity, nearest.Reachable, double.PositiveInfinity, double.PositiveInfinity), TestContext.Current.CancellationToken).Answer);
    }

    [Fact]
    public void A_floor_that_no_size_within_the_budget_keeps_says_how_near_it_came_and_what_size_would()
    {
        FormatSearch search = Search();
        double size = search.Solve(Goal.Bytes, new SearchLimits(0.2, double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity), TestContext.Current.CancellationToken).Answer!.Cost.Bytes;
        Wish wish = new() { MaxKl = 0.01, MaxBytes = (long)size };
        PromiseResult result = new PromiseKeeper(search, Measuring(search, 1)).Run(wish, TestContext.Current.CancellationToken);

        Assert.False(result.Kept);
        Assert.NotNull(result.Best);
        NearestReach loss = result.Nearest.Single(nearest => nearest.What == Goal.Loss);
        NearestReach bytes = result.Nearest.Single(nearest => nearest.What == Goal.Bytes);
        Assert.True(loss.Measured && loss.Reachable > 0.01);
        Assert.True(new PromiseKeeper(Search(), Measuring(search, 1)).Run(wish with { MaxBytes = (long)Math.Ceiling(bytes.Reachable) }, TestContext.Current.CancellationToken).Kept);
        Assert.True(new PromiseKeeper(Search(), Measuring(search, 1)).Run(wish with { MaxKl = loss.Reachable * 1.0001 }, TestContext.Current.CancellationToken).Kept);
    }

    [Fact]
    public void A_rival_that_measures_better_wins_and_one_over_the_budget_is_not_looked_at()
    {
        FormatSearch search = Search();
        Assignment rival = search.Uniform().Single(uniform => uniform.Format == TensorFormat.Q4_K).Assignment;
        long budget = (long)search.Predict(rival).Cost.Bytes;
        MeasureCandidate honest = Measuring(search, 1);
        PromiseKeeper keeper = new(search, (assignment, cancellation) => assignment.Equals(rival) ? Of(0.001) : honest(assignment, cancellation))
        {
            Rivals = [("Q8_0 everywhere", search.Uniform().Single(uniform => uniform.Format == TensorFormat.Q8_0).Assignment), ("Q4_K everywhere", rival)],
        };

        PromiseResult result = keeper.Run(new Wish { MaxBytes = budget }, TestContext.Current.CancellationToken);
        Assert.Equal("Q4_K everywhere", result.Best!.Name);
        Assert.DoesNotContain(result.Rounds, round => round.Name == "Q8_0 everywhere");
    }

    [Fact]
    public void A_time_that_the_whole_model_misses_is_searched_for_again_with_less()
    {
        FormatSearch search = Search();
        double between = (search.Predict(search.Uniform()[0].Assignment).Cost.DecodeSeconds + search.Predict(search.Uniform()[^1].Assignment).Cost.DecodeSeconds) / 2;
        MeasureCandidate measure = (assignment, _) => Of(search.Losses.Predict(assignment)) with { Time = new KernelTime(1.2 * search.Predict(assignment).Cost.DecodeSeconds, 0) };
        PromiseResult result = new PromiseKeeper(search, measure).Run(new Wish { MaxDecodeSeconds = between }, TestContext.Current.CancellationToken);
        Assert.True(result.Kept);
        Assert.True(result.Best!.Measured.Time!.Value.DecodeSeconds <= between);
        Assert.True(result.Rounds.Length > 1);
    }

    [Fact]
    public void A_time_that_predictions_call_impossible_is_kept_where_the_machine_is_faster()
    {
        FormatSearch search = Search();
        double fastest = search.Predict(search.Uniform()[^1].Assignment).Cost.DecodeSeconds;
        Wish wish = new() { MaxDecodeSeconds = 0.9 * fastest };
        PromiseResult result = new PromiseKeeper(search, Timing(search, 0.5)).Run(wish, TestContext.Current.CancellationToken);
        Assert.True(result.Kept);

        // The slack that the first try leaves is spent: the most exact that is measured in time.
        Assert.InRange(PromiseKeeper.Promised(result.Best!.Measured.Time!.Value.DecodeSeconds) / wish.MaxDecodeSeconds.Value, 0.9, 1);
    }

    [Fact]
    public void An_impossible_time_names_the_fastest_that_was_measured_and_that_one_is_kept()
    {
        FormatSearch search = Search();
        double fastest = search.Predict(search.Uniform()[^1].Assignment).Cost.DecodeSeconds;
        Wish wish = new() { MaxDecodeSeconds = 0.5 * fastest };
        PromiseResult result = new PromiseKeeper(search, Timing(search, 1.2)).Run(wish, TestContext.Current.CancellationToken);
        Assert.False(result.Kept);
        NearestReach nearest = Assert.Single(result.Nearest);
        Assert.Equal(Goal.DecodeSeconds, nearest.What);
        Assert.Equal(PromiseKeeper.Promised(1.2 * fastest), nearest.Reachable, 1e-12);
        Assert.True(new PromiseKeeper(search, Timing(search, 1.2)).Run(wish with { MaxDecodeSeconds = nearest.Reachable * 1.0001 }, TestContext.Current.CancellationToken).Kept);
    }

    [Fact]
    public void A_time_and_a_floor_that_exclude_each_other_name_the_nearest_of_each_that_keeps_the_other()
    {
        FormatSearch search = Search();
        double fastest = search.Predict(search.Uniform()[^1].Assignment).Cost.DecodeSeconds;
        Wish wish = new() { MaxDecodeSeconds = 1.2 * fastest, MaxKl = 1e-6 };
        PromiseResult result = new PromiseKeeper(search, Timing(search, 1)).Run(wish, TestContext.Current.CancellationToken);
        Assert.False(result.Kept);
        NearestReach time = result.Nearest.Single(nearest => nearest.What == Goal.DecodeSeconds);
        NearestReach loss = result.Nearest.Single(nearest => nearest.What == Goal.Loss);
        Assert.True(time.WithOthers && time.Measured && loss.WithOthers && loss.Measured);
        Assert.True(new PromiseKeeper(search, Timing(search, 1)).Run(wish with { MaxDecodeSeconds = time.Reachable * 1.0001 }, TestContext.Current.CancellationToken).Kept);
        Assert.True(new PromiseKeeper(search, Timing(search, 1)).Run(wish with { MaxKl = loss.Reachable * 1.0001 }, TestContext.Current.CancellationToken).Kept);
    }

    [Fact]
    public void Random_wishes_with_times_are_kept_by_true_times_though_every_measurement_is_off()
    {
        FormatSearch search = Search(groups: 7);
        Random random = new(7);
        (double least, double most) = (search.Predict(search.Uniform()[^1].Assignment).Cost.DecodeSeconds, search.Predict(search.Uniform()[0].Assignment).Cost.DecodeSeconds);
        (int kept, int named) = (0, 0);
        for (int i = 0; i < 60; i++)
        {
            double factor = 0.7 + random.NextDouble();
            double True(Assignment assignment) => factor * search.Predict(assignment).Cost.DecodeSeconds;
            Wish wish = new()
            {
                MaxDecodeSeconds = 0.8 * least * Math.Pow(1.5 * most / least, random.NextDouble()),
                MaxKl = i % 3 == 0 ? Math.Exp(-10 * random.NextDouble()) : null,
                MaxBytes = i % 3 == 1 ? (long)(search.Costs.Fixed.Bytes + (search.Costs.Groups.Sum(group => group[0].Bytes) * random.NextDouble())) : null,
                Minimise = i % 5 == 0 ? Goal.Bytes : null,
            };
            PromiseResult result = new PromiseKeeper(
                search,
                (assignment, _) => Of(search.Losses.Predict(assignment)) with { Time = new KernelTime(True(assignment) * (0.96 + (0.2 * random.NextDouble())), 0) }).Run(wish, TestContext.Current.CancellationToken);
            if (result.Kept)
            {
                kept++;
                Assert.True(True(result.Best!.Answer.Assignment) <= wish.MaxDecodeSeconds, $"wish {i}: {wish}");
                Assert.True(PromiseKeeper.Use(wish, result.Best.Measured.Quality) <= 1 && result.Best.Answer.Cost.Bytes <= (wish.MaxBytes ?? double.PositiveInfinity));
            }
            else
            {
                named++;
                Assert.NotEmpty(result.Nearest);
            }

            Assert.True(result.Rounds.Length <= PromiseKeeper.MostRounds + 3);
        }

        Assert.True(kept > 15 && named > 5, $"{kept} kept, {named} not");
    }

    [Fact]
    public void The_goal_follows_from_the_wish_and_numbers_that_are_none_are_refused()
    {
        Assert.Equal(Goal.Loss, new Wish { MaxBytes = 1 }.Goal);
        Assert.Equal(Goal.Bytes, new Wish { MaxKl = 1 }.Goal);
        Assert.Equal(Goal.Loss, new Wish { MaxKl = 1, MaxBytes = 1 }.Goal);
        Assert.Equal(Math.Log(1.01), new Wish { MaxLossPercent = 1 }.LossLimit, 1e-15);
        Assert.Contains("KL", Assert.Throws<ArgumentException>(() => new Wish { MaxKl = double.NaN }.Check()).Message);
        Assert.Contains("bytes", Assert.Throws<ArgumentException>(() => new Wish { MaxBytes = 0 }.Check()).Message);
    }

    internal static FormatSearch Search(int groups = 12)
    {
        Random random = new(3);
        ImmutableArray<TensorGroup> all = [.. Enumerable.Range(0, groups).Select(g => new TensorGroup($"blk.{g}.ffn_down", [new GroupTensor($"blk.{g}.ffn_down.weight", TensorUse.Product, 64, 256 * (1 + (g % 3)))]))];
        ChoiceSpace space = new(all, [.. all.Select(_ => TensorFormat.F32)], [.. all.Select(_ => Formats)], TensorFormat.F32, [TensorFormat.F32]);
        ImmutableArray<ImmutableArray<PredictedLoss>> losses =
        [
            .. all.Select(_ =>
            {
                double weight = Math.Exp(3 * random.NextDouble());
                return Formats.Select(format => new PredictedLoss(format == TensorFormat.F32 ? 0 : weight * Math.Pow(4, -BlockFormat.Of(format).BitsPerElement), true)).ToImmutableArray();
            }),
        ];
        ImmutableArray<ImmutableArray<ChoiceCost>> costs =
            [.. all.Select(group => Formats.Select(format => new ChoiceCost(ModelCosts.BytesOf(group, format), ModelCosts.BytesOf(group, format) * 1e-9, 1e-6)).ToImmutableArray())];
        return new FormatSearch(new SensitivityTable(space, losses, [new PredictedLoss(0, true)], SensitivityMethod.Measured, 0), new ModelCosts(costs, [default], new ChoiceCost(1000, 1e-6, 1e-6)));
    }

    static MeasureCandidate Measuring(FormatSearch search, double truth) => (assignment, _) => Of(truth * search.Losses.Predict(assignment));

    static MeasureCandidate Timing(FormatSearch search, double truth) => (assignment, _) =>
        Of(search.Losses.Predict(assignment)) with { Time = new KernelTime(truth * search.Predict(assignment).Cost.DecodeSeconds, 0) };

    static MeasuredCandidate Of(double kl) => new(
        new Quality
        {
            Tokens = 1000,
            CrossEntropy = 1 + kl,
            CrossEntropyError = 0.01,
            CrossEntropyChange = kl,
            CrossEntropyChangeError = kl / 50,
            MeanKl = kl,
            MeanKlError = kl / 50,
            KlP90 = kl,
            KlP99 = kl,
            KlMax = kl,
            Top1Agreement = 1,
            Top1AgreementError = 0,
        },
        null);
}
