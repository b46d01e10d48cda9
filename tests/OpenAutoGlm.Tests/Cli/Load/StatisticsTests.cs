using System.Xml;
using OpenAutoGlm.Cli.Load.Client;
using OpenAutoGlm.Cli.Load.Results;
using OpenAutoGlm.Cli.Load.Shape;
using OpenAutoGlm.Engine.Traces;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli.Load;

public class StatisticsTests
{
    static readonly Objectives None = new(null, null, null);

    [Fact]
    public void Percentiles_are_the_nearest_rank_and_nothing_in_between()
    {
        Distribution twenty = Distribution.Of(Enumerable.Range(1, 20).Reverse().Select(value => (double)value))!;
        Assert.Equal((20, 10.5, 10, 18, 19, 20, 20), (twenty.Count, twenty.Mean, twenty.P50, twenty.P90, twenty.P95, twenty.P99, twenty.Most));
        Distribution hundred = Distribution.Of(Enumerable.Range(1, 100).Select(value => (double)value))!;
        Assert.Equal((50, 90, 95, 99, 100), (hundred.P50, hundred.P90, hundred.P95, hundred.P99, hundred.Most));
        Distribution one = Distribution.Of([7])!;
        Assert.Equal((7, 7, 7, 7), (one.Mean, one.P50, one.P99, one.Most));
        Assert.Equal(2, Distribution.Of([3, 1, 2])!.P50);
        Assert.Null(Distribution.Of([]));
    }

    [Fact]
    public void Latencies_count_from_the_instant_at_which_a_request_was_due()
    {
        // Due at 1, sent a second late, first token at 3, eleven tokens until 5.
        RequestRecord record = Record(due: 1, first: 3, end: 5, tokens: 11) with { Sent = 2 };
        PointResult result = Result(None, record);
        Assert.Equal(2, result.FirstToken!.P50);
        Assert.Equal(0.2, result.PerOutputToken!.P50, 1e-12);
        Assert.Equal(4, result.EndToEnd!.P50);
        Assert.Equal(1, result.Lag!.P50);
    }

    [Fact]
    public void Rates_count_what_finished_and_failures_are_told_apart_by_reason()
    {
        PointResult result = Result(
            None,
            Record(0, 1, 2, 10),
            Record(0, 1, 4, 30) with { Counted = false },
            Record(0, 0, 1, 0) with { Outcome = Outcome.Refused, Reason = "429 full" },
            Record(0, 0, 1, 0) with { Outcome = Outcome.Refused, Reason = "429 full" },
            Record(0, 0, 1, 0) with { Outcome = Outcome.TimedOut, Reason = "no end within 1 s" },
            Record(0, 0, 1, 0) with { Outcome = Outcome.Interrupted });
        Assert.Equal((2, 3, 1), (result.Finished, result.Failed, result.Interrupted));
        Assert.Equal(0.5, result.RequestsPerSecond);
        Assert.Equal(10, result.OutputTokensPerSecond);
        Assert.Equal(50, result.InputTokensPerSecond);
        Assert.Equal([new Failure(Outcome.Refused, "429 full", 2), new Failure(Outcome.TimedOut, "no end within 1 s", 1)], result.Failures);
        Assert.Equal(1, result.Uncounted);
        Assert.Equal(0.25, result.ClientCores);
        Assert.Equal(2, result.FirstToken!.Count);
    }

    [Fact]
    public void Goodput_is_of_all_that_were_due_and_every_objective_must_be_met()
    {
        Objectives objectives = new(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(3));
        PointResult result = Result(
            objectives,
            Record(0, 1, 2, 11), // exactly what is allowed
            Record(0, 1.01, 2, 11), // first token too late
            Record(0, 0.5, 2.5, 11), // 200 ms for each further token
            Record(0, 0.9, 3.1, 101), // too long as a whole
            Record(0, 0.9, 0.9, 1), // one token has no time per further token
            Record(0, 0, 1, 0) with { Outcome = Outcome.Broken, Reason = "cut" },
            Record(0, 0, 1, 0) with { Outcome = Outcome.Interrupted });
        Assert.Equal(2, result.Good);
        Assert.Equal(2.0 / 6, result.GoodFraction, 1e-12);
        Assert.Equal(0.5, result.GoodPerSecond);
    }

    [Fact]
    public void Ratios_are_of_each_repetition_and_their_median_counts()
    {
        LoadPoint point = new LoadPoint.Closed(1);
        PointResult first = new(point, "a", None, [Run(4, Record(0, 1, 2, 10)), Run(2, Record(0, 1, 2, 10)), Run(1, Record(0, 1, 2, 10))]);
        PointResult second = new(point, "b", None, [Run(2, Record(0, 2, 4, 10)), Run(2, Record(0, 2, 4, 10)), Run(2, Record(0, 2, 4, 10))]);
        Comparison[] ratios = [.. Comparison.Of(first, second, None)];
        Comparison rate = ratios.Single(ratio => ratio.Measure == "requests/s");
        Assert.Equal([0.5, 1, 2], rate.Ratios);
        Assert.Equal(1, rate.Median);
        Assert.Equal(0.5, ratios.Single(ratio => ratio.Measure == "TTFT p50").Median);
    }

    [Fact]
    public void Live_quantiles_are_within_a_tenth()
    {
        LiveHistogram histogram = new();
        Assert.Null(histogram.Quantile(0.5));
        for (int i = 1; i <= 1000; i++)
        {
            histogram.Add(i * 1e-3);
        }

        Assert.InRange(histogram.Quantile(0.5)!.Value, 0.45, 0.55);
        Assert.InRange(histogram.Quantile(0.99)!.Value, 0.9, 1.09);
    }

    [Fact]
    public void Records_are_a_trace_again()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("records.jsonl");
        PointResult result = Result(None, Record(0.5, 1, 2, 10), Record(1, 1, 2, 0) with { Outcome = Outcome.Broken, Reason = "cut\n\"off\"", PlannedOutputTokens = 64 });
        RecordFile.Write(path, [result, result]);
        Trace trace = TraceReader.Read(path);
        Assert.Equal(TraceFormat.OpenAutoGlm, trace.Format);
        Assert.Equal([0, 0.5, 4, 4.5], trace.Requests.Select(request => request.Arrival.TotalSeconds));
        Assert.Equal([10, 64, 10, 64], trace.Requests.Select(request => request.OutputTokens));
        Assert.All(trace.Requests, request => Assert.Equal(100, request.PromptTokens));
    }

    [Fact]
    public void A_sweep_is_drawn_with_a_point_for_each_measurement_and_names_are_escaped()
    {
        Objectives objectives = new(TimeSpan.FromSeconds(1), null, null);
        LoadPoint[] points = [LoadPoint.AtRate(1, 1), LoadPoint.AtRate(2, 1), LoadPoint.AtRate(4, 1)];
        LoadReport report = new()
        {
            Load = "<prompts> & answers",
            Targets = [("a", "m"), ("b", "m")],
            Objectives = objectives,
            Results = [.. points.SelectMany(point => new[] { "a", "b" }.Select(target => new PointResult(point, target, objectives, [Run(4, Record(0, point.Value, 2 * point.Value, 10))])))],
        };
        XmlDocument svg = new();
        svg.LoadXml(LoadPicture.Svg(report));

        // Two targets: p50 and p99 of two latencies, and the rates done and good.
        Assert.Equal(3 * 2 * (2 + 2 + 2), svg.GetElementsByTagName("circle").Count);
        Assert.Contains("asked for", svg.InnerText);
        Assert.Contains("prefers-color-scheme: dark", svg.OuterXml);
        Assert.NotNull(new XmlDocument { InnerXml = LoadPicture.Svg(report with { Results = [] }) }.DocumentElement);
    }

    static RunResult Run(double seconds, params RequestRecord[] records) => new(records, [], seconds, seconds / 4);

    static PointResult Result(Objectives objectives, params RequestRecord[] records) => new(new LoadPoint.Closed(1), "a", objectives, [Run(4, records)]);

    static RequestRecord Record(double due, double first, double end, int tokens) => new()
    {
        Session = 0,
        Due = due,
        Sent = due,
        First = first,
        End = end,
        Outcome = Outcome.Finished,
        PlannedPromptTokens = 100,
        PlannedOutputTokens = tokens,
        PromptTokens = 100,
        OutputTokens = tokens,
        Counted = true,
    };
}
