namespace OpenAutoGlm.Optimization.Reports.Page.Pictures;

/// <summary>A logarithmic axis.</summary>
/// <param name="Least">The number at its start.</param>
/// <param name="Most">The number at its end.</param>
/// <param name="From">The coordinate of its start.</param>
/// <param name="To">The coordinate of its end.</param>
readonly record struct LogAxis(double Least, double Most, double From, double To)
{
    // Numbers of broken models are not worth an axis of hundreds of decades.
    const double Smallest = 1e-15;
    const double Largest = 1e18;

    /// <summary>An axis with a little room around some numbers.</summary>
    public static LogAxis Around(IEnumerable<double> values, double from, double to)
    {
        double[] all = [.. values.Where(value => value is >= Smallest and <= Largest)];
        double least = all.Length == 0 ? 1 : all.Min();
        double most = all.Length == 0 ? 10 : all.Max();
        double room = Math.Pow(Math.Max(most / least, 1.5), 0.08);
        return new LogAxis(least / room, most * room, from, to);
    }

    /// <summary>Where a number stands; what is outside stands at the edge.</summary>
    public double At(double value) =>
        From + ((double.IsNaN(value) ? 0 : Math.Clamp(Math.Log(Math.Max(value, double.Epsilon) / Least) / Math.Log(Most / Least), 0, 1)) * (To - From));

    /// <summary>Round numbers on it, at most eight or so.</summary>
    /// <param name="binary">Whether round means powers of two.</param>
    public IEnumerable<double> Ticks(bool binary = false)
    {
        double[][] ladders = binary ? [[1], [1, 1.5], [1, 1.25, 1.5, 1.75]] : [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]];
        double radix = binary ? 2 : 10;
        double[] best = [];
        foreach (double[] ladder in ladders)
        {
            double[] ticks = [.. On(ladder, radix)];
            if (best.Length >= 3 || ticks.Length > 9)
            {
                break;
            }

            best = ticks;
        }

        return best.Length > 9 ? best.Where((_, i) => i % ((best.Length / 8) + 1) == 0) : best;
    }

    IEnumerable<double> On(double[] ladder, double radix)
    {
        for (double power = Math.Floor(Math.Log(Least, radix)); Math.Pow(radix, power) <= Most; power++)
        {
            foreach (double step in ladder)
            {
                double tick = step * Math.Pow(radix, power);
                if (tick >= Least && tick <= Most)
                {
                    yield return tick;
                }
            }
        }
    }
}
