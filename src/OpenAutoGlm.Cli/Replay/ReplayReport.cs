using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Load.Results;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Simulation;
using OpenAutoGlm.Engine.Simulation.Replay;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Replay;

/// <summary>One policy's replay in numbers.</summary>
sealed record ReplayRow
{
    readonly Objectives _objectives;

    public ReplayRow(ReplayResult result, Objectives objectives, TimeSpan took)
    {
        (Result, Took, _objectives) = (result, took, objectives);
        ReplayedRequest[] served = [.. result.Requests.Where(request => request.Refusal is null)];
        Served = served.Length;
        FirstToken = Distribution.Of(served.Select(request => request.TimeToFirstToken.TotalSeconds));
        PerOutputToken = Distribution.Of(served.Select(request => request.TimePerOutputToken?.TotalSeconds).OfType<double>());
        EndToEnd = Distribution.Of(served.Select(request => request.EndToEnd.TotalSeconds));
        PromptTokens = served.Sum(request => (long)request.PromptTokens);
        OutputTokens = served.Sum(request => (long)request.OutputTokens);
        CachedTokens = served.Sum(request => (long)request.CachedTokens);
        ReusableTokens = served.Sum(request => (long)request.ReusableTokens);
        Good = served.Count(request => !(request.TimeToFirstToken > objectives.FirstToken) && !(request.TimePerOutputToken > objectives.PerOutputToken) && !(request.EndToEnd > objectives.EndToEnd));
    }

    public ReplayResult Result { get; }

    /// <summary>Real time of the replay.</summary>
    public TimeSpan Took { get; }

    public int Served { get; }

    public int Refused => Result.Requests.Length - Served;

    public int Good { get; }

    public Distribution? FirstToken { get; }

    public Distribution? PerOutputToken { get; }

    public Distribution? EndToEnd { get; }

    public long PromptTokens { get; }

    public long OutputTokens { get; }

    public long CachedTokens { get; }

    public long ReusableTokens { get; }

    /// <summary>Prompt tokens that were found, of all.</summary>
    public double HitRatio => PromptTokens > 0 ? (double)CachedTokens / PromptTokens : 0;

    /// <summary>Prompt tokens that a memory without end would have held, of all.</summary>
    public double EndlessHitRatio => PromptTokens > 0 ? (double)ReusableTokens / PromptTokens : 0;

    public double GoodFraction => Result.Requests.Length > 0 ? (double)Good / Result.Requests.Length : 0;

    public double PerSecond(double count) => Result.Duration > TimeSpan.Zero ? count / Result.Duration.TotalSeconds : 0;

    public double Utilisation => Result.Duration > TimeSpan.Zero ? Result.Busy / Result.Duration : 0;

    public JsonObject ToJson()
    {
        JsonObject refusals = [];
        foreach (IGrouping<RefusalReason, ReplayedRequest> group in Result.Requests.Where(request => request.Refusal is not null).GroupBy(request => request.Refusal!.Value))
        {
            refusals[group.Key.ToString()] = group.Count();
        }

        EngineOptions options = Result.Policy.Options;
        return new JsonObject
        {
            ["policy"] = Result.Policy.Name,
            ["settings"] = new JsonObject
            {
                ["sequences"] = options.MaxSequences,
                ["tokens"] = options.MaxTokensPerStep,
                ["block"] = options.BlockTokens,
                ["kv"] = Result.Policy.KvTokens,
                ["context"] = Result.Policy.ContextLength,
                ["queue"] = options.QueueLimit,
                ["cache"] = options.PrefixCache.Enabled,
                ["ttftMs"] = options.Latency.TimeToFirstToken?.TotalMilliseconds,
                ["tpotMs"] = options.Latency.TimePerToken?.TotalMilliseconds,
            },
            ["requests"] = Result.Requests.Length,
            ["served"] = Served,
            ["refused"] = refusals,
            ["virtualSeconds"] = Round(Result.Duration.TotalSeconds),
            ["busyFraction"] = Round(Utilisation),
            ["steps"] = Result.Steps,
            ["requestsPerSecond"] = Round(PerSecond(Served)),
            ["outputTokensPerSecond"] = Round(PerSecond(OutputTokens)),
            ["promptTokens"] = PromptTokens,
            ["outputTokens"] = OutputTokens,
            ["prefilledTokens"] = Result.PrefilledTokens,
            ["cachedTokens"] = CachedTokens,
            ["hitRatio"] = Round(HitRatio),
            ["endlessHitRatio"] = Round(EndlessHitRatio),
            ["kvFragmentation"] = Math.Round(Result.Fragmentation, 6),
            ["kvReserved"] = Math.Round(Result.Reserved, 6),
            ["kvMeanUse"] = Round(Result.MeanKvUse),
            ["kvMostUse"] = Round(Result.MostKvUse),
            ["meanSequences"] = Round(Result.MeanSequences),
            ["preemptions"] = Result.Preemptions,
            ["ttftMs"] = FirstToken?.ToJson(),
            ["tpotMs"] = PerOutputToken?.ToJson(),
            ["e2eMs"] = EndToEnd?.ToJson(),
            ["goodput"] = !_objectives.Any ? null : new JsonObject { ["requests"] = Good, ["fraction"] = Round(GoodFraction), ["requestsPerSecond"] = Round(PerSecond(Good)) },
            ["replaySeconds"] = Math.Round(Took.TotalSeconds, 3),
        };
    }

    static double Round(double value) => Math.Round(value, 4);
}

/// <summary>Policies side by side, for people and for programs.</summary>
sealed record ReplayReport
{
    public required string Trace { get; init; }

    public required StepCosts Costs { get; init; }

    public required Objectives Objectives { get; init; }

    public required IReadOnlyList<ReplayRow> Rows { get; init; }

    public IReadOnlyList<string> Remarks { get; init; } = [];

    public JsonObject ToJson() => new()
    {
        ["trace"] = Trace,
        ["costs"] = new JsonObject
        {
            ["step"] = Costs.Step,
            ["token"] = Costs.Token,
            ["sequence"] = Costs.Sequence,
            ["context"] = Costs.Context,
            ["floor"] = Costs.Floor,
        },
        ["percentiles"] = "nearest rank",
        ["objectives"] = Objectives.Any ? Objectives.ToJson() : null,
        ["remarks"] = new JsonArray([.. Remarks.Select(remark => (JsonNode)remark)]),
        ["policies"] = new JsonArray([.. Rows.Select(row => (JsonNode)row.ToJson())]),
    };

    public void Print(CommandConsole console)
    {
        Facts facts = new(console, nameWidth: 9);
        facts.Add("trace", Trace);
        facts.Add("a step", $"{Time(Costs.Step)} + the greater of {Time(Costs.Floor)} and {Time(Costs.Token)} a token + {Time(Costs.Sequence)} a sequence + {Nanoseconds(Costs.Context)} a token and position");
        if (Objectives.Any)
        {
            facts.Add("good", Objectives.ToString());
        }

        foreach (string remark in Remarks)
        {
            facts.Add("", remark);
        }

        console.Output.WriteLine();
        Table speed = BenchTable.Of(
            console,
            "policy",
            ["served", "refused", "out tok/s", "busy", "TTFT p50", "p99", "TPOT p50", "p99", "E2E p50", "p99", .. Objectives.Any ? ["good"] : Array.Empty<string>()]);
        Table memory = BenchTable.Of(console, "policy", "hits", "of an endless cache's", "fragmentation", "reserved", "memory used", "at most", "sequences", "preemptions", "replayed in");
        foreach (ReplayRow row in Rows)
        {
            speed.AddRow(
            [
                Markup.Escape(row.Result.Policy.Name),
                $"{row.Served}",
                $"{row.Refused}",
                Units.Short(row.PerSecond(row.OutputTokens)),
                Percent(row.Utilisation),
                Time(row.FirstToken?.P50),
                Time(row.FirstToken?.P99),
                Time(row.PerOutputToken?.P50),
                Time(row.PerOutputToken?.P99),
                Time(row.EndToEnd?.P50),
                Time(row.EndToEnd?.P99),
                .. Objectives.Any ? [Percent(row.GoodFraction)] : Array.Empty<string>(),
            ]);
            memory.AddRow(
                Markup.Escape(row.Result.Policy.Name),
                Percent(row.HitRatio),
                Percent(row.EndlessHitRatio),
                $"{row.Result.Fragmentation * 100:0.00} %",
                Percent(row.Result.Reserved),
                Percent(row.Result.MeanKvUse),
                Percent(row.Result.MostKvUse),
                Units.Short(row.Result.MeanSequences),
                $"{row.Result.Preemptions}",
                Units.Duration(row.Took));
        }

        console.Page().Write(speed);
        console.Output.WriteLine();
        console.Page().Write(memory);
        foreach (ReplayRow row in Rows)
        {
            foreach (IGrouping<RefusalReason, ReplayedRequest> group in row.Result.Requests.Where(request => request.Refusal is not null).GroupBy(request => request.Refusal!.Value))
            {
                console.Note($"{row.Result.Policy.Name}: {group.Count()} were refused: {group.Key}");
            }
        }

        console.Note("Virtual time. Latencies count from the arrival in the trace and leave out network and text. Percentiles are nearest-rank.");
    }

    static string Percent(double fraction) => $"{fraction * 100:0.0} %";

    static string Time(double? seconds) => seconds is { } value ? Units.Duration(TimeSpan.FromSeconds(value)) : "";

    static string Nanoseconds(double seconds) => $"{Units.Short(seconds * 1e9)} ns";
}
