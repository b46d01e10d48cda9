using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Load.Client;
using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli.Load.Results;

/// <summary>What one run over one point gave.</summary>
/// <param name="Records">Every request that was due.</param>
/// <param name="Gaps">Seconds between pieces of text of one answer.</param>
/// <param name="Seconds">From the beginning to the last end.</param>
/// <param name="ClientSeconds">Processor time that this program took meanwhile.</param>
sealed record RunResult(IReadOnlyList<RequestRecord> Records, IReadOnlyList<float> Gaps, double Seconds, double ClientSeconds);

/// <summary>A reason why requests failed.</summary>
readonly record struct Failure(Outcome Outcome, string Reason, int Count);

/// <summary>What a point gave, its repetitions taken together.</summary>
sealed record PointResult
{
    const int MaxFailures = 12; // reasons that are told apart

    readonly Objectives _objectives;

    public PointResult(LoadPoint point, string target, Objectives objectives, IReadOnlyList<RunResult> runs)
    {
        (Point, Target, Runs, _objectives) = (point, target, runs, objectives);
        Records = [.. runs.SelectMany(run => run.Records)];
        RequestRecord[] finished = [.. Records.Where(record => record.Finished)];
        (Finished, Interrupted) = (finished.Length, Records.Count(record => record.Outcome == Outcome.Interrupted));
        Seconds = runs.Sum(run => run.Seconds);
        ClientSeconds = runs.Sum(run => run.ClientSeconds);
        PromptTokens = finished.Sum(record => (long)record.PromptTokens);
        OutputTokens = finished.Sum(record => (long)record.OutputTokens);
        CachedTokens = finished.Any(record => record.CachedTokens is not null) ? finished.Sum(record => (long)(record.CachedTokens ?? 0)) : null;
        Uncounted = finished.Count(record => !record.Counted);
        Short = finished.Count(record => record.OutputTokens < record.PlannedOutputTokens);
        Resent = Records.Count(record => record.Resent > 0);
        Good = Records.Count(objectives.Met);
        FirstToken = Distribution.Of(finished.Select(record => record.TimeToFirstToken));
        PerOutputToken = Distribution.Of(finished.Select(record => record.TimePerOutputToken).OfType<double>());
        EndToEnd = Distribution.Of(finished.Select(record => record.EndToEnd));
        BetweenTokens = Distribution.Of(runs.SelectMany(run => run.Gaps).Select(gap => (double)gap));
        Lag = Distribution.Of(Records.Where(record => record.Sent > 0).Select(record => Math.Max(0, record.Sent - record.Due)));
        Failures =
        [
            .. Records
                .Where(record => record.Outcome is not (Outcome.Finished or Outcome.Interrupted))
                .GroupBy(record => (record.Outcome, Reason: record.Reason ?? ""))
                .Select(group => new Failure(group.Key.Outcome, group.Key.Reason, group.Count()))
                .OrderByDescending(failure => failure.Count)
                .Take(MaxFailures),
        ];
    }

    public LoadPoint Point { get; }

    public string Target { get; }

    public IReadOnlyList<RunResult> Runs { get; }

    public RequestRecord[] Records { get; }

    public int Finished { get; }

    public int Interrupted { get; }

    /// <summary>Requests that were due and ended neither well nor by Ctrl-C.</summary>
    public int Failed => Records.Length - Finished - Interrupted;

    public double Seconds { get; }

    public double ClientSeconds { get; }

    public long PromptTokens { get; }

    public long OutputTokens { get; }

    /// <summary>Prompt tokens that the server had already; null where it does not say.</summary>
    public long? CachedTokens { get; }

    /// <summary>Finished requests whose tokens the server did not count.</summary>
    public int Uncounted { get; }

    /// <summary>Finished answers with fewer tokens than were asked for.</summary>
    public int Short { get; }

    /// <summary>Requests that were sent again, since the server closed a kept connection under them.</summary>
    public int Resent { get; }

    /// <summary>Requests that met the objectives.</summary>
    public int Good { get; }

    public Distribution? FirstToken { get; }

    public Distribution? PerOutputToken { get; }

    public Distribution? EndToEnd { get; }

    public Distribution? BetweenTokens { get; }

    /// <summary>How late the client sent.</summary>
    public Distribution? Lag { get; }

    public IReadOnlyList<Failure> Failures { get; }

    public double RequestsPerSecond => PerSecond(Finished);

    public double InputTokensPerSecond => PerSecond(PromptTokens);

    public double OutputTokensPerSecond => PerSecond(OutputTokens);

    public double GoodPerSecond => PerSecond(Good);

    /// <summary>Requests that met the objectives, of all that were due and not broken off by Ctrl-C.</summary>
    public double GoodFraction => Records.Length > Interrupted ? (double)Good / (Records.Length - Interrupted) : 0;

    /// <summary>Processor time of this program, in cores.</summary>
    public double ClientCores => Seconds > 0 ? ClientSeconds / Seconds : 0;

    public JsonObject ToJson() => new()
    {
        ["target"] = Target,
        ["point"] = Point.ToJson(),
        ["runs"] = Runs.Count,
        ["seconds"] = Round(Seconds),
        ["requests"] = Records.Length,
        ["finished"] = Finished,
        ["failed"] = Failed,
        ["interrupted"] = Interrupted,
        ["failures"] = new JsonArray([.. Failures.Select(failure => (JsonNode)new JsonObject
        {
            ["kind"] = NameOf(failure.Outcome),
            ["reason"] = failure.Reason,
            ["count"] = failure.Count,
        })]),
        ["requestsPerSecond"] = Round(RequestsPerSecond),
        ["inputTokensPerSecond"] = Round(InputTokensPerSecond),
        ["outputTokensPerSecond"] = Round(OutputTokensPerSecond),
        ["inputTokens"] = PromptTokens,
        ["plannedInputTokens"] = Records.Where(record => record.Finished).Sum(record => (long)record.PlannedPromptTokens),
        ["outputTokens"] = OutputTokens,
        ["cachedTokens"] = CachedTokens,
        ["countedByPieces"] = Uncounted,
        ["shortAnswers"] = Short,
        ["resent"] = Resent,
        ["ttftMs"] = FirstToken?.ToJson(),
        ["tpotMs"] = PerOutputToken?.ToJson(),
        ["itlMs"] = BetweenTokens?.ToJson(),
        ["e2eMs"] = EndToEnd?.ToJson(),
        ["lagMs"] = Lag?.ToJson(),
        ["goodput"] = !_objectives.Any ? null : new JsonObject
        {
            ["requests"] = Good,
            ["fraction"] = Round(GoodFraction),
            ["requestsPerSecond"] = Round(GoodPerSecond),
        },
        ["client"] = new JsonObject
        {
            ["cpuSeconds"] = Round(ClientSeconds),
            ["cores"] = Round(ClientCores),
            ["fractionOfMachine"] = Round(ClientCores / Environment.ProcessorCount),
        },
    };

    /// <summary>What programs call an outcome.</summary>
    public static string NameOf(Outcome outcome) => outcome switch
    {
        Outcome.Finished => "finished",
        Outcome.Refused => "refused",
        Outcome.HttpError => "http-error",
        Outcome.Unreachable => "unreachable",
        Outcome.TimedOut => "timed-out",
        Outcome.Broken => "broken",
        Outcome.Malformed => "malformed",
        Outcome.Unsent => "unsent",
        _ => "interrupted",
    };

    double PerSecond(double count) => Seconds > 0 ? count / Seconds : 0;

    static double Round(double value) => Math.Round(value, 4);
}
