using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Bench;

namespace OpenAutoGlm.Cli.Load.Results;

/// <summary>One number of one point, at the first target over the second, by repetition: both meet the same machine in turn.</summary>
/// <param name="Point">The row.</param>
/// <param name="Measure">What is compared.</param>
/// <param name="HigherIsBetter">Rates; latencies are better low.</param>
/// <param name="Ratios">First over second, one for each repetition in which both have the number.</param>
sealed record Comparison(string Point, string Measure, bool HigherIsBetter, double[] Ratios)
{
    static readonly (string Name, bool Higher, Func<PointResult, double?> Of)[] Measures =
    [
        ("requests/s", true, result => result.RequestsPerSecond),
        ("output tokens/s", true, result => result.OutputTokensPerSecond),
        ("TTFT p50", false, result => result.FirstToken?.P50),
        ("TPOT p50", false, result => result.PerOutputToken?.P50),
        ("E2E p50", false, result => result.EndToEnd?.P50),
        ("E2E p99", false, result => result.EndToEnd?.P99),
    ];

    public double Median => Speeds.MedianOf(Ratios);

    /// <summary>The ratios of a point that both targets were measured at.</summary>
    public static IEnumerable<Comparison> Of(PointResult first, PointResult second, Objectives objectives)
    {
        foreach ((string name, bool higher, var of) in Measures)
        {
            double[] ratios =
            [
                .. first.Runs.Zip(second.Runs, (a, b) => of(Only(first, a)) / of(Only(second, b)))
                    .OfType<double>()
                    .Where(double.IsFinite),
            ];
            if (ratios.Length > 0)
            {
                yield return new Comparison(first.Point.Name, name, higher, ratios);
            }
        }

        PointResult Only(PointResult result, RunResult run) => new(result.Point, result.Target, objectives, [run]);
    }

    public JsonObject ToJson() => new()
    {
        ["point"] = Point,
        ["measure"] = Measure,
        ["better"] = HigherIsBetter ? "higher" : "lower",
        ["median"] = Math.Round(Median, 4),
        ["min"] = Math.Round(Ratios.Min(), 4),
        ["max"] = Math.Round(Ratios.Max(), 4),
        ["runs"] = Ratios.Length,
    };
}
