using System.Text.Json.Nodes;

namespace OpenAutoGlm.Cli.Load.Results;

/// <summary>
/// What is told of many latencies. Percentiles are nearest-rank: p of n values is the ⌈p·n⌉th smallest, which is always
/// a latency that really happened, nothing is interpolated, and of fewer than 100 values the 99th is the greatest.
/// </summary>
/// <param name="Count">How many values.</param>
/// <param name="Mean">Their mean, in seconds as all others.</param>
/// <param name="P50">50th percentile.</param>
/// <param name="P90">90th percentile.</param>
/// <param name="P95">95th percentile.</param>
/// <param name="P99">99th percentile.</param>
/// <param name="Most">The greatest.</param>
sealed record Distribution(int Count, double Mean, double P50, double P90, double P95, double P99, double Most)
{
    /// <summary>Of some values; null of none.</summary>
    public static Distribution? Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values];
        if (sorted.Length == 0)
        {
            return null;
        }

        Array.Sort(sorted);
        return new Distribution(sorted.Length, sorted.Average(), Rank(sorted, 50), Rank(sorted, 90), Rank(sorted, 95), Rank(sorted, 99), sorted[^1]);
    }

    /// <summary>In milliseconds.</summary>
    public JsonObject ToJson() => new()
    {
        ["count"] = Count,
        ["mean"] = Ms(Mean),
        ["p50"] = Ms(P50),
        ["p90"] = Ms(P90),
        ["p95"] = Ms(P95),
        ["p99"] = Ms(P99),
        ["max"] = Ms(Most),
    };

    /// <summary>In whole numbers, since 0.95 · 20 is a little more than 19 for a machine.</summary>
    static double Rank(double[] sorted, long percent) => sorted[Math.Max(0, (int)(((percent * sorted.Length) + 99) / 100) - 1)];

    static double Ms(double seconds) => Math.Round(seconds * 1e3, 3);
}
