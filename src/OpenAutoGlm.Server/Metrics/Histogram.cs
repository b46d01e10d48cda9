namespace OpenAutoGlm.Server.Metrics;

/// <summary>Counts values in buckets. From any thread, without locks and without allocating.</summary>
sealed class Histogram(HistogramBuckets buckets)
{
    readonly long[] _counts = new long[buckets.Bounds.Length + 1];
    double _sum;

    public HistogramBuckets Buckets => buckets;

    /// <summary>Counts a value. What is below zero, as after a clock that jumped, counts as zero.</summary>
    public void Observe(double value)
    {
        value = Math.Max(value, 0);
        Interlocked.Increment(ref _counts[BucketOf(value)]);
        double before;
        do
        {
            before = Volatile.Read(ref _sum);
        }
        while (BitConverter.DoubleToInt64Bits(Interlocked.CompareExchange(ref _sum, before + value, before)) != BitConverter.DoubleToInt64Bits(before));
    }

    public void Observe(TimeSpan value) => Observe(value.TotalSeconds);

    /// <summary>The counts so far. Values that come meanwhile may be in the buckets and not yet in the sum.</summary>
    public HistogramCounts Read()
    {
        long[] counts = new long[_counts.Length];
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = Volatile.Read(ref _counts[i]);
        }

        return new HistogramCounts(buckets, counts, Volatile.Read(ref _sum));
    }

    /// <summary>The first bucket whose bound is not below the value.</summary>
    int BucketOf(double value)
    {
        ReadOnlySpan<double> bounds = buckets.Bounds.AsSpan();
        int low = 0;
        int high = bounds.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (bounds[middle] < value)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
