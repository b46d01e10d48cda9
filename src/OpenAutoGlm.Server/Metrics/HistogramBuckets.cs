using System.Collections.Immutable;
using System.Globalization;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>
/// The upper bounds of a histogram's buckets. Bounds of time are round numbers, each at most a tenth above the one
/// before, so that a quantile read from the counts is at most a tenth from the true one, whatever the distribution.
/// </summary>
sealed class HistogramBuckets
{
    static readonly double[] Decade =
        [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.75, 1.9, 2, 2.2, 2.4, 2.6, 2.8, 3, 3.25, 3.5, 3.75, 4, 4.4, 4.7, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.75, 9.5];

    HistogramBuckets(IEnumerable<double> bounds)
    {
        Bounds = [.. bounds];
        Labels = [.. Bounds.Select(bound => bound.ToString(CultureInfo.InvariantCulture)), "+Inf"];
    }

    /// <summary>Times of a request: 1 ms to 600 s.</summary>
    public static HistogramBuckets RequestSeconds { get; } = new(Decades(-3, 3).TakeWhile(bound => bound <= 600));

    /// <summary>Times of a token: 0.1 ms to 10 s.</summary>
    public static HistogramBuckets TokenSeconds { get; } = new([.. Decades(-4, 1), 10]);

    /// <summary>Tokens of a request: powers of two up to a million.</summary>
    public static HistogramBuckets Tokens { get; } = new(Enumerable.Range(0, 21).Select(power => (double)(1 << power)));

    /// <summary>Ascending; what lies above the last has a bucket of its own.</summary>
    public ImmutableArray<double> Bounds { get; }

    /// <summary>The bounds as Prometheus spells them, that of the last bucket included.</summary>
    public ImmutableArray<string> Labels { get; }

    // Decimal arithmetic keeps 0.0011 from becoming 0.0011000000000000001.
    static IEnumerable<double> Decades(int first, int end) =>
        Enumerable.Range(first, end - first).SelectMany(power => Decade.Select(bound => (double)((decimal)bound * Power(power))));

    static decimal Power(int power) => power < 0 ? 1 / Power(-power) : power == 0 ? 1 : 10 * Power(power - 1);
}
