namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// Chooses the magnitude at which activations are clipped before they are rounded to 2^(bits−1) − 1 equal steps on either side of
/// zero: a wide range rounds the many coarsely, a narrow one cuts the few off.
/// </summary>
public abstract record ClippingRule
{
    private protected ClippingRule()
    {
    }

    /// <summary>The rules with their usual settings.</summary>
    public static IReadOnlyList<ClippingRule> All { get; } = [new MaxRange(), new PercentileRange(), new EntropyRange(), new SquaredErrorRange()];

    /// <summary>The name in flags and reports.</summary>
    public abstract string Name { get; }

    /// <summary>The magnitude to clip at; 0 where nothing but zeros was seen.</summary>
    /// <exception cref="ArgumentException">Nothing was seen at all.</exception>
    public double RangeOf(MagnitudeHistogram histogram)
    {
        ArgumentNullException.ThrowIfNull(histogram);
        return histogram.Total == 0 ? throw new ArgumentException("No activations were counted, so there is nothing to choose a range by.", nameof(histogram))
            : histogram.Max == 0 ? 0
            : Choose(histogram);
    }

    private protected abstract double Choose(MagnitudeHistogram histogram);
}

/// <summary>Clips nothing: the largest magnitude seen.</summary>
public sealed record MaxRange : ClippingRule
{
    /// <inheritdoc/>
    public override string Name => "max";

    private protected override double Choose(MagnitudeHistogram histogram) => histogram.Max;
}

/// <summary>Clips a given share of the values, the largest ones.</summary>
/// <param name="Share">The share that stays, above 0 and at most 1.</param>
public sealed record PercentileRange(double Share = 0.9999) : ClippingRule
{
    /// <inheritdoc/>
    public override string Name => "percentile";

    private protected override double Choose(MagnitudeHistogram histogram) => Share is > 0 and <= 1
        ? histogram.Percentile(Share)
        : throw new ArgumentOutOfRangeException(nameof(Share), Share, "A share of values is above 0 and at most 1.");
}
