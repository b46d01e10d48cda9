using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>The limits of one search; infinity for none.</summary>
/// <param name="Loss">Predicted loss, in nats a token.</param>
/// <param name="Bytes">Bytes of the whole model.</param>
/// <param name="DecodeSeconds">Seconds of a token.</param>
/// <param name="PrefillSeconds">Seconds of a prompt's token.</param>
public readonly record struct SearchLimits(double Loss, double Bytes, double DecodeSeconds, double PrefillSeconds)
{
    /// <summary>The limits of a wish.</summary>
    public static SearchLimits Of(Wish wish) => new(
        wish.LossLimit, wish.MaxBytes ?? double.PositiveInfinity, wish.MaxDecodeSeconds ?? double.PositiveInfinity, wish.MaxPrefillSeconds ?? double.PositiveInfinity);
}

/// <summary>What a search chose.</summary>
/// <param name="Assignment">The formats.</param>
/// <param name="Loss">Predicted loss, in nats a token.</param>
/// <param name="Cost">What the whole model costs: bytes exactly, times as the sum of its kernels.</param>
/// <param name="Gap">How far it may be from the best; 0 where it is proven to be the best for these predictions.</param>
public sealed record SearchAnswer(Assignment Assignment, double Loss, ChoiceCost Cost, double Gap);

/// <summary>A limit that cannot be kept, and what can be reached.</summary>
/// <param name="What">The limit: of loss, bytes or seconds.</param>
/// <param name="Asked">What was asked for.</param>
/// <param name="Reachable">The least that there is.</param>
/// <param name="WithOthers">Whether all other limits are kept at that value.</param>
/// <param name="Measured">Whether a model was measured that reaches it; else it is what the predictions say.</param>
public sealed record NearestReach(Goal What, double Asked, double Reachable, bool WithOthers, bool Measured = false)
{
    /// <summary>As a sentence.</summary>
    public override string ToString()
    {
        string name = What switch
        {
            Goal.Loss => "loss",
            Goal.Bytes => "size",
            Goal.DecodeSeconds => "time for a token",
            _ => "time for a prompt's token",
        };
        return $"{name}: {Text(Asked)} was asked for; {(Measured ? "the nearest that was measured is" : "the nearest is")} {Text(Reachable)}{(WithOthers ? "" : ", and only if the other limits are given up")}";
    }

    string Text(double value) => What switch
    {
        Goal.Loss => $"{Figures.Short(value)} nats",
        Goal.Bytes => Figures.Bytes(value),
        _ => Figures.Seconds(value),
    };
}

/// <summary>Finds the assignment that is best by predicted losses and by costs.</summary>
public sealed class FormatSearch
{
    readonly ChoiceProblem _problem;

    /// <summary>A search.</summary>
    public FormatSearch(SensitivityTable losses, ModelCosts costs)
    {
        (Losses, Costs) = (losses, costs);
        ChoiceSpace space = losses.Space;
        _problem = new ChoiceProblem(
        [
            .. space.Groups.Select((_, g) => space.Choices[g].Select((_, c) => Values(losses.Groups[g][c], costs.Groups[g][c])).ToImmutableArray()),
            [.. space.KvChoices.Select((_, c) => Values(losses.Kv[c], costs.Kv[c]))],
        ]);
    }

    /// <summary>What choices lose.</summary>
    public SensitivityTable Losses { get; }

    /// <summary>What choices cost.</summary>
    public ModelCosts Costs { get; }

    /// <summary>The best assignment, or the nearest limits. Where something else than the loss is made small, the least loss is taken of all that are as small.</summary>
    public (SearchAnswer? Answer, ImmutableArray<NearestReach> Nearest) Solve(Goal goal, SearchLimits limits, CancellationToken cancellation = default)
    {
        double[] most =
        [
            limits.Loss,
            limits.Bytes - Costs.Fixed.Bytes,
            limits.DecodeSeconds - Costs.Fixed.DecodeSeconds,
            limits.PrefillSeconds - Costs.Fixed.PrefillSeconds,
        ];
        ChoiceResult result = ChoiceSolver.Solve(_problem, (int)goal, most, cancellation: cancellation);
        if (result.Solution is not { } solution)
        {
            return (null, [.. result.Nearest.Select(nearest => new NearestReach((Goal)nearest.Measure, nearest.Asked + FixedOf(nearest.Measure), nearest.Reachable + FixedOf(nearest.Measure), nearest.WithOthers))]);
        }

        double gap = solution.Gap;
        if (goal != Goal.Loss)
        {
            most[(int)goal] = solution.Totals[(int)goal];
            solution = ChoiceSolver.Solve(_problem, (int)Goal.Loss, most, cancellation: cancellation).Solution ?? solution;
        }

        return (Answer(solution, gap), []);
    }

    /// <summary>What an assignment is predicted to lose and to cost.</summary>
    public SearchAnswer Predict(Assignment assignment)
    {
        ChoiceSpace space = Losses.Space;
        ChoiceCost cost = Costs.Fixed + Costs.Kv[space.KvChoices.IndexOf(assignment.KvFormat)];
        for (int g = 0; g < space.Groups.Length; g++)
        {
            cost += Costs.Groups[g][space.Choices[g].IndexOf(assignment.Formats[g])];
        }

        return new SearchAnswer(assignment, Losses.Predict(assignment), cost, double.NaN);
    }

    /// <summary>Assignments of one format for all groups, where each group takes the choice that stands in for it; from the largest to the smallest.</summary>
    public ImmutableArray<(TensorFormat Format, Assignment Assignment)> Uniform()
    {
        ChoiceSpace space = Losses.Space;
        return
        [
            .. FormatRule.Writable
                .Where(format => Enumerable.Range(0, space.Groups.Length).All(g => space.Choices[g].Contains(StandIn(space, g, format))))
                .Select(format => (format, new Assignment([.. Enumerable.Range(0, space.Groups.Length).Select(g => StandIn(space, g, format))], space.KvChoices[0]))),
        ];
    }

    /// <summary>The mixtures that the field uses, as far as every group can have what they say.</summary>
    public ImmutableArray<(string Name, Assignment Assignment)> Mixes(ModelConfig config)
    {
        ChoiceSpace space = Losses.Space;
        ImmutableArray<(string, Assignment)>.Builder mixes = ImmutableArray.CreateBuilder<(string, Assignment)>();
        foreach (FormatMixture mixture in FormatMixture.All.Where(mixture => !mixture.IsUniform))
        {
            ImmutableArray<TensorFormat> formats =
            [
                .. space.Groups.Select((group, g) =>
                {
                    GroupTensor tensor = group.Tensors[0];
                    ReadOnlySpan<int> extents = tensor.Matrices > 1 ? [tensor.Matrices, tensor.Rows, tensor.Columns] : [tensor.Rows, tensor.Columns];
                    return mixture.For(tensor.Name, extents, config) is { } format ? StandIn(space, g, format) : space.Sources[g];
                }),
            ];
            if (Enumerable.Range(0, formats.Length).All(g => space.Choices[g].Contains(formats[g])))
            {
                mixes.Add((mixture.Name, new Assignment(formats, space.KvChoices[0])));
            }
        }

        return mixes.ToImmutable();
    }

    /// <summary>What a group has where a format is asked for: at most what it has now, and whole blocks.</summary>
    internal static TensorFormat StandIn(ChoiceSpace space, int group, TensorFormat format)
    {
        TensorFormat fitting = BlockFormat.Fitting(format, space.Groups[group].Columns);
        return BlockFormat.Of(fitting).BitsPerElement >= BlockFormat.Of(space.Sources[group]).BitsPerElement ? space.Sources[group] : fitting;
    }

    static ImmutableArray<double> Values(PredictedLoss loss, ChoiceCost cost) => [loss.Loss, cost.Bytes, cost.DecodeSeconds, cost.PrefillSeconds];

    double FixedOf(int measure) => (Goal)measure switch
    {
        Goal.Bytes => Costs.Fixed.Bytes,
        Goal.DecodeSeconds => Costs.Fixed.DecodeSeconds,
        Goal.PrefillSeconds => Costs.Fixed.PrefillSeconds,
        _ => 0,
    };

    SearchAnswer Answer(ChoiceSolution solution, double gap)
    {
        ChoiceSpace space = Losses.Space;
        ImmutableArray<int> picks = solution.Picks;
        Assignment assignment = new([.. space.Groups.Select((_, g) => space.Choices[g][picks[g]])], space.KvChoices[picks[^1]]);
        ImmutableArray<double> totals = solution.Totals;
        return new SearchAnswer(assignment, totals[0], Costs.Fixed + new ChoiceCost(totals[1], totals[2], totals[3]), gap);
    }
}
