using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// A multiple-choice knapsack: of every group exactly one choice is taken, every choice has one value for each measure
/// (loss, bytes, seconds, …), values of a measure add up over groups, one measure is to be small and others have limits.
/// </summary>
public sealed class ChoiceProblem
{
    /// <summary>A problem.</summary>
    /// <param name="values">Values by group, choice and measure. Every group has a choice, every choice all measures, every value is finite.</param>
    /// <exception cref="ArgumentException">A group has no choice, measures are missing, or a value is not finite; the message says where.</exception>
    public ChoiceProblem(ImmutableArray<ImmutableArray<ImmutableArray<double>>> values)
    {
        Values = values;
        Measures = values.IsEmpty ? 0 : values[0].IsEmpty ? 0 : values[0][0].Length;
        for (int group = 0; group < values.Length; group++)
        {
            if (values[group].IsEmpty)
            {
                throw new ArgumentException($"Group {group} has no choice.", nameof(values));
            }

            for (int choice = 0; choice < values[group].Length; choice++)
            {
                if (values[group][choice].Length != Measures || values[group][choice].Any(value => !double.IsFinite(value)))
                {
                    throw new ArgumentException($"Choice {choice} of group {group} needs {Measures} finite values, not ({string.Join(", ", values[group][choice])}).", nameof(values));
                }
            }
        }
    }

    /// <summary>Values by group, choice and measure.</summary>
    public ImmutableArray<ImmutableArray<ImmutableArray<double>>> Values { get; }

    /// <summary>Groups.</summary>
    public int Groups => Values.Length;

    /// <summary>Measures of a choice.</summary>
    public int Measures { get; }

    /// <summary>What picks come to: a sum for every measure, in the order of the groups.</summary>
    public ImmutableArray<double> TotalsOf(ReadOnlySpan<int> picks)
    {
        double[] totals = new double[Measures];
        for (int group = 0; group < picks.Length; group++)
        {
            for (int measure = 0; measure < totals.Length; measure++)
            {
                totals[measure] += Values[group][picks[group]][measure];
            }
        }

        return [.. totals];
    }

    /// <summary>The least that a measure can come to, whatever the others.</summary>
    public double LeastOf(int measure) => Values.Sum(group => group.Min(choice => choice[measure]));
}

/// <summary>The best picks that were found.</summary>
/// <param name="Picks">The choice of every group.</param>
/// <param name="Totals">What they come to, by measure.</param>
/// <param name="LowerBound">No picks within the limits have a smaller objective than this.</param>
/// <param name="Gap">How far the objective may be above the best: (objective − bound) ÷ objective; 0 where the picks are proven to be the best.</param>
public sealed record ChoiceSolution(ImmutableArray<int> Picks, ImmutableArray<double> Totals, double LowerBound, double Gap)
{
    /// <summary>Whether nothing better is possible.</summary>
    public bool IsOptimal => Gap == 0;
}

/// <summary>A limit that cannot be kept, and the nearest that can.</summary>
/// <param name="Measure">Which measure.</param>
/// <param name="Asked">The limit.</param>
/// <param name="Reachable">The least value that the measure can have.</param>
/// <param name="WithOthers">Whether all other limits are kept at that value; else it is the least whatever the others.</param>
public readonly record struct NearestLimit(int Measure, double Asked, double Reachable, bool WithOthers);

/// <summary>What became of a problem: picks, or the nearest limits that have any.</summary>
/// <param name="Solution">The picks; null where the limits cannot be kept together.</param>
/// <param name="Nearest">Without picks: for each limited measure how low it can be.</param>
public sealed record ChoiceResult(ChoiceSolution? Solution, ImmutableArray<NearestLimit> Nearest);
