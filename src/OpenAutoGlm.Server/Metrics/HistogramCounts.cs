namespace OpenAutoGlm.Server.Metrics;

/// <summary>What a histogram had counted at some time, or between two times.</summary>
sealed class HistogramCounts(HistogramBuckets buckets, long[] counts, double sum)
{
    /// <summary>Values of each bucket by itself.</summary>
    public ReadOnlySpan<long> Counts => counts;

    public double Sum => sum;

    public long Total { get; } = counts.Sum();

    /// <summary>What came since an earlier reading of the same histogram.</summary>
    public HistogramCounts Since(HistogramCounts earlier)
    {
        long[] difference = new long[counts.Length];
        for (int i = 0; i < counts.Length; i++)
        {
            difference[i] = counts[i] - earlier.Counts[i];
        }

        return new HistogramCounts(buckets, difference, sum - earlier.Sum);
    }

    /// <summary>
    /// The value that a share of all values does not exceed: linear inside the bucket where the rank falls, as
    /// Prometheus' histogram_quantile reads it, and the last bound for what lies above. NaN where nothing was counted.
    /// </summary>
    /// <param name="share">0 to 1.</param>
    public double Quantile(double share)
    {
        double rank = share * Total;
        long below = 0;
        for (int i = 0; i < buckets.Bounds.Length; i++)
        {
            if (counts[i] > 0 && below + counts[i] >= rank)
            {
                double low = i == 0 ? 0 : buckets.Bounds[i - 1];
                return low + ((buckets.Bounds[i] - low) * (rank - below) / counts[i]);
            }

            below += counts[i];
        }

        return Total == 0 ? double.NaN : buckets.Bounds[^1];
    }

    /// <summary>The usual quantiles.</summary>
    public Percentiles Percentiles() => new(Total, Total == 0 ? double.NaN : Sum / Total, Quantile(0.5), Quantile(0.9), Quantile(0.95), Quantile(0.99));
}

/// <summary>The usual quantiles of some values; NaN where there are none.</summary>
/// <param name="Count">How many values.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="P50">The median.</param>
/// <param name="P90">Nine of ten are not above it.</param>
/// <param name="P95">19 of 20 are not above it.</param>
/// <param name="P99">99 of 100 are not above it.</param>
readonly record struct Percentiles(long Count, double Mean, double P50, double P90, double P95, double P99);
