namespace OpenAutoGlm.Optimization.Search;

/// <summary>
/// Limits turned into prices: min Σ (objective + λ · measures) − λ · limits is a lower bound for every λ ≥ 0, and its
/// picks, mended, are often nearly the best. Maximises the bound over λ and keeps the best picks met on the way.
/// </summary>
sealed class Relaxation
{
    const int Steps = 400;

    readonly Reduced _problem;
    readonly double[] _scale;

    Relaxation(Reduced problem)
    {
        _problem = problem;
        Prices = new double[problem.Limits.Length];
        _scale = [.. Enumerable.Range(1, problem.Limits.Length).Select(m => Math.Max(problem.Values.Sum(group => group.Max(c => c[m]) - group.Min(c => c[m])), double.Epsilon))];
    }

    /// <summary>λ of the best bound.</summary>
    internal double[] Prices { get; private set; }

    /// <summary>No picks within the limits have a smaller objective.</summary>
    internal double Bound { get; private set; } = double.NegativeInfinity;

    /// <summary>The best picks within the limits that were met; null for none.</summary>
    internal int[]? Picks { get; private set; }

    /// <summary>Their objective.</summary>
    internal double Value { get; private set; } = double.PositiveInfinity;

    internal static Relaxation Of(Reduced problem, CancellationToken cancellation)
    {
        Relaxation relaxation = new(problem);
        if (problem.Limits.Length == 1)
        {
            relaxation.Bisect(cancellation);
        }

        relaxation.Climb(cancellation);
        return relaxation;
    }

    /// <summary>Objective and priced measures of a choice.</summary>
    internal double Priced(double[] choice) => Priced(choice, Prices);

    static double Priced(double[] choice, double[] prices)
    {
        double sum = choice[0];
        for (int m = 0; m < prices.Length; m++)
        {
            sum += prices[m] * choice[m + 1];
        }

        return sum;
    }

    /// <summary>With one limit the bound is concave in one price: halve the interval in which its slope changes sign.</summary>
    void Bisect(CancellationToken cancellation)
    {
        double objectiveScale = _problem.Values.Sum(group => group.Max(c => c[0]) - group.Min(c => c[0]));
        (double low, double high) = (0, Math.Max(objectiveScale, 1e-30) / _scale[0]);
        for (int i = 0; i < 60 && Excess(high) > 0; i++)
        {
            high *= 4;
        }

        for (int i = 0; i < 80; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            double middle = (low + high) / 2;
            if (Excess(middle) > 0)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        double Excess(double price)
        {
            int[] picks = Try([price]);
            return _problem.Total(picks, 1) - _problem.Limits[0];
        }
    }

    /// <summary>Subgradient steps of Polyak's length, from the best prices known, shorter each time nothing is gained.</summary>
    void Climb(CancellationToken cancellation)
    {
        Try(Prices);
        double[] prices = [.. Prices];
        double pace = 1;
        for (int step = 0; step < Steps && Prices.Length > 0; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            double before = Bound;
            int[] picks = Try(prices);
            double square = 0;
            double[] slope = new double[prices.Length];
            for (int m = 0; m < prices.Length; m++)
            {
                slope[m] = (_problem.Total(picks, m + 1) - _problem.Limits[m]) / _scale[m];
                slope[m] = prices[m] == 0 && slope[m] < 0 ? 0 : slope[m];
                square += slope[m] * slope[m];
            }

            if (square == 0)
            {
                break;
            }

            double target = double.IsPositiveInfinity(Value) ? Bound + Math.Max(Math.Abs(Bound), 1e-30) : Value;
            double length = pace * Math.Max(target - BoundOf(picks, prices), 1e-12 * Math.Abs(target)) / square;
            for (int m = 0; m < prices.Length; m++)
            {
                prices[m] = Math.Max(0, prices[m] + (length * slope[m] / _scale[m]));
            }

            if (Bound <= before)
            {
                pace *= 0.97;
                if (step % 25 == 24)
                {
                    prices = [.. Prices];
                }
            }
        }
    }

    double BoundOf(ReadOnlySpan<int> picks, double[] prices)
    {
        double bound = 0;
        for (int group = 0; group < picks.Length; group++)
        {
            bound += Priced(_problem.Values[group][picks[group]], prices);
        }

        for (int m = 0; m < prices.Length; m++)
        {
            bound -= prices[m] * _problem.Limits[m];
        }

        return bound;
    }

    /// <summary>The picks of some prices; keeps them mended, and the bound, where they are the best so far.</summary>
    int[] Try(double[] prices)
    {
        int[] picks = new int[_problem.Groups];
        for (int group = 0; group < picks.Length; group++)
        {
            double[][] choices = _problem.Values[group];
            for (int c = 1; c < choices.Length; c++)
            {
                picks[group] = Priced(choices[c], prices) < Priced(choices[picks[group]], prices) ? c : picks[group];
            }
        }

        double bound = BoundOf(picks, prices);
        if (bound > Bound)
        {
            (Bound, Prices) = (bound, [.. prices]);
        }

        if (Mending.Mend(_problem, picks) is { } mended && _problem.Total(mended, 0) is double value && value < Value)
        {
            (Value, Picks) = (value, mended);
        }

        return picks;
    }
}
