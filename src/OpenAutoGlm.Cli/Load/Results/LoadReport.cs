using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Load.Results;

/// <summary>The result of a sweep, for people and for programs.</summary>
sealed record LoadReport
{
    const double BusyClient = 0.5; // cores
    const double LateClient = 0.05; // seconds

    /// <summary>What was asked, in words.</summary>
    public required string Load { get; init; }

    /// <summary>Targets by name, with the model that each was asked for.</summary>
    public required IReadOnlyList<(string Target, string Model)> Targets { get; init; }

    public required Objectives Objectives { get; init; }

    /// <summary>A row each: point by point, target by target.</summary>
    public required IReadOnlyList<PointResult> Results { get; init; }

    /// <summary>Remarks on how the load was made.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>First target over second, where there are two.</summary>
    public IReadOnlyList<Comparison> Comparisons => Targets.Count < 2
        ? []
        : [.. Results.GroupBy(result => result.Point).Where(group => group.Count() == 2).SelectMany(group => Comparison.Of(group.First(), group.Last(), Objectives))];

    public JsonObject ToJson() => new()
    {
        ["load"] = Load,
        ["targets"] = new JsonArray([.. Targets.Select(target => (JsonNode)new JsonObject { ["url"] = target.Target, ["model"] = target.Model })]),
        ["percentiles"] = "nearest rank",
        ["latenciesCountFrom"] = "the instant at which a request was due",
        ["objectives"] = Objectives.Any ? Objectives.ToJson() : null,
        ["remarks"] = new JsonArray([.. Remarks.Select(remark => (JsonNode)remark)]),
        ["results"] = new JsonArray([.. Results.Select(result => (JsonNode)result.ToJson())]),
        ["comparisons"] = new JsonArray([.. Comparisons.Select(comparison => (JsonNode)comparison.ToJson())]),
    };

    public void Print(CommandConsole console)
    {
        Facts facts = new(console, nameWidth: 9);
        foreach ((string target, string model) in Targets)
        {
            facts.Add("target", $"{target} · {model}");
        }

        facts.Add("load", Load);
        if (Objectives.Any)
        {
            facts.Add("good", Objectives.ToString());
        }

        foreach (string remark in Remarks)
        {
            facts.Add("", remark);
        }

        console.Output.WriteLine();
        PrintRows(console);
        if (Results.Count <= 2)
        {
            foreach (PointResult result in Results)
            {
                PrintLatencies(console, result);
            }
        }

        PrintComparisons(console);
        PrintWarnings(console);
    }

    void PrintRows(CommandConsole console)
    {
        bool two = Targets.Count > 1;
        Table table = BenchTable.Of(
            console,
            "load",
            ["done", "failed", "req/s", "in tok/s", "out tok/s", "TTFT p50", "p99", "TPOT p50", "p99", "E2E p50", "p99", .. Objectives.Any ? ["good", "good/s"] : Array.Empty<string>(), "client"]);
        foreach (PointResult result in Results)
        {
            table.AddRow(
            [
                Markup.Escape(two ? $"{result.Point.Name}, {result.Target}" : result.Point.Name),
                $"{result.Finished}",
                $"{result.Failed}",
                Units.Short(result.RequestsPerSecond),
                Units.Short(result.InputTokensPerSecond),
                Units.Short(result.OutputTokensPerSecond),
                Time(result.FirstToken?.P50),
                Time(result.FirstToken?.P99),
                Time(result.PerOutputToken?.P50),
                Time(result.PerOutputToken?.P99),
                Time(result.EndToEnd?.P50),
                Time(result.EndToEnd?.P99),
                .. Objectives.Any ? [$"{result.GoodFraction * 100:0.0} %", Units.Short(result.GoodPerSecond)] : Array.Empty<string>(),
                $"{result.ClientCores * 100:0} %",
            ]);
        }

        console.Page().Write(table);
    }

    void PrintLatencies(CommandConsole console, PointResult result)
    {
        console.Output.WriteLine();
        Table table = BenchTable.Of(console, Markup.Escape(Targets.Count > 1 ? $"{result.Point.Name}, {result.Target}" : result.Point.Name), "mean", "p50", "p90", "p95", "p99", "most", "of");
        Add("time to first token", result.FirstToken);
        Add("time per further token", result.PerOutputToken);
        Add("between pieces of text", result.BetweenTokens);
        Add("end to end", result.EndToEnd);
        Add("sent late by", result.Lag);
        console.Page().Write(table);

        void Add(string name, Distribution? of)
        {
            if (of is not null)
            {
                table.AddRow(name, Time(of.Mean), Time(of.P50), Time(of.P90), Time(of.P95), Time(of.P99), Time(of.Most), $"{of.Count}");
            }
        }
    }

    void PrintComparisons(CommandConsole console)
    {
        if (Comparisons is not { Count: > 0 } comparisons)
        {
            return;
        }

        console.Output.WriteLine();
        Table table = BenchTable.Of(console, Markup.Escape($"{Targets[0].Target} ÷ {Targets[1].Target}"), "measure", "ratio", "least", "most", "better is");
        foreach (Comparison comparison in comparisons)
        {
            table.AddRow(Markup.Escape(comparison.Point), comparison.Measure, $"{comparison.Median:0.00} ×", $"{comparison.Ratios.Min():0.00}", $"{comparison.Ratios.Max():0.00}", comparison.HigherIsBetter ? "high" : "low");
        }

        console.Page().Write(table);
    }

    void PrintWarnings(CommandConsole console)
    {
        foreach (PointResult result in Results)
        {
            string name = Targets.Count > 1 ? $"{result.Point.Name}, {result.Target}" : result.Point.Name;
            foreach (Failure failure in result.Failures)
            {
                console.Note($"{name}: {failure.Count} × {PointResult.NameOf(failure.Outcome)}: {failure.Reason}");
            }

            if (result.Interrupted > 0)
            {
                console.Note($"{name}: {result.Interrupted} were broken off by Ctrl-C and count nowhere.");
            }

            if (result.Uncounted > 0)
            {
                console.Note($"{name}: the server did not count the tokens of {result.Uncounted} answers; pieces of text are counted instead.");
            }

            if (result.Resent > 0)
            {
                console.Note($"{name}: {result.Resent} requests were sent again, since the server closed a kept connection under them.");
            }

            if (result.Short > 0)
            {
                console.Note($"{name}: {result.Short} answers were shorter than asked for.");
            }

            if (result.Finished > 0 && (result.ClientCores > BusyClient || result.Lag?.P99 > LateClient))
            {
                console.Note($"{name}: this program took {result.ClientCores * 100:0} % of a core and sent up to {Time(result.Lag?.P99)} late (p99): it may be what is slow here. Give it a machine of its own.");
            }
        }

        console.Note("Latencies count from the instant at which a request was due. Percentiles are nearest-rank: of fewer than 100 requests p99 is the slowest.");
    }

    static string Time(double? seconds) => seconds is { } value ? Units.Duration(TimeSpan.FromSeconds(value)) : "";
}
