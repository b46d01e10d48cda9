namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// The range that makes the mean of (x − rounded x)² least, rounding and clipping together. Within a bin of the histogram values
/// are taken to be spread evenly, and the error is integrated over it. Ranges are tried sixteen to the octave, then finely between
/// the best one's neighbours.
/// </summary>
/// <param name="Bits">Bits of the format, 2 to 16.</param>
public sealed record SquaredErrorRange(int Bits = 8) : ClippingRule
{
    const int Octaves = 16; // below the maximum: a narrower range would clip nearly everything
    const int Refinements = 32;

    /// <inheritdoc/>
    public override string Name => "mse";

    /// <summary>The mean squared error of clipping at a range and rounding to the steps inside it.</summary>
    public double ErrorOf(MagnitudeHistogram histogram, double range)
    {
        ArgumentNullException.ThrowIfNull(histogram);
        double step = range / ((1 << (Bits - 1)) - 1);
        double sum = 0;
        for (int i = 0; i < MagnitudeHistogram.Bins; i++)
        {
            if (histogram.Counts[i] == 0)
            {
                continue;
            }

            double start = Math.Min(MagnitudeHistogram.Edge(i), histogram.Max);
            double end = i == MagnitudeHistogram.Bins - 1 ? histogram.Max : Math.Min(MagnitudeHistogram.Edge(i + 1), histogram.Max);
            sum += histogram.Counts[i] * (end > start
                ? (Integral(end, step, range) - Integral(start, step, range)) / (end - start)
                : At(end, step, range));
        }

        return sum / histogram.Total;
    }

    private protected override double Choose(MagnitudeHistogram histogram)
    {
        if (Bits is < 2 or > 16)
        {
            throw new ArgumentOutOfRangeException(nameof(Bits), Bits, "The squared error rule chooses ranges for 2 to 16 bits.");
        }

        double most = histogram.Max;
        double ratio = Math.Pow(2, 1.0 / 16);
        double best = Least(histogram, Enumerable.Range(0, (Octaves * 16) + 1).Select(i => most * Math.Pow(ratio, -i)));
        double low = best / ratio;
        double high = Math.Min(most, best * ratio);
        return Least(histogram, Enumerable.Range(0, Refinements + 1).Select(i => double.Lerp(low, high, i / (double)Refinements)).Append(best));
    }

    double Least(MagnitudeHistogram histogram, IEnumerable<double> ranges) => ranges.MinBy(range => ErrorOf(histogram, range));

    /// <summary>∫₀ˣ e(t)² dt, where e is the distance to the nearest multiple of the step within the range, or to the range beyond it.</summary>
    static double Integral(double x, double step, double range)
    {
        double inside = Math.Min(x, range);
        double nearest = Math.Round(inside / step);
        double rest = inside - (nearest * step); // −step/2 … step/2
        double sum = (nearest * step * step * step / 12) + (rest * rest * rest / 3);
        double beyond = x - inside;
        return sum + (beyond * beyond * beyond / 3);
    }

    static double At(double x, double step, double range)
    {
        double error = x > range ? x - range : x - (Math.Round(x / step) * step);
        return error * error;
    }
}
