using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu.Machine;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>One line of the result.</summary>
/// <param name="Test">What was measured.</param>
/// <param name="Speeds">What came out.</param>
/// <param name="Floors">What it is compared with.</param>
sealed record BenchRow(BenchTest Test, Speeds Speeds, ModelFloors Floors)
{
    /// <summary>Tokens per second that this machine could not exceed: the median over the repetitions, each with its own bandwidth.</summary>
    public double Floor => Speeds.MedianOf(Speeds.Samples.Select(sample => Floors.TokensPerSecond(Test, sample.BytesPerSecond)));

    /// <summary>Speed ÷ floor: the median over the repetitions.</summary>
    public double Fraction => Speeds.MedianOf(Speeds.Samples.Select(sample => sample.TokensPerSecond / Floors.TokensPerSecond(Test, sample.BytesPerSecond)));

    /// <summary>Bytes of weights, keys and values read per second; null for prompts, which are not bound by reading.</summary>
    public double? BytesPerSecond => Test.Prefill ? null : Floors.BytesPerStep(Test) * Speeds.Median / Test.Sequences;

    public double OperationsPerSecond => Floors.OperationsPerToken(Test) * Speeds.Median;
}

/// <summary>The result of a run, for people and for programs.</summary>
sealed record BenchReport
{
    public required string Model { get; init; }

    public required string Format { get; init; }

    public required string Backend { get; init; }

    public required string? Plan { get; init; }

    public required MachineSpeed Machine { get; init; }

    public required TimeSpan Load { get; init; }

    public required long? PeakBytes { get; init; }

    public required IReadOnlyList<BenchRow> Rows { get; init; }

    public JsonObject ToJson() => new()
    {
        ["model"] = Model,
        ["backend"] = Backend,
        ["plan"] = Plan,
        ["loadSeconds"] = Math.Round(Load.TotalSeconds, 3),
        ["peakMemoryBytes"] = PeakBytes,
        ["machine"] = SpeedText.ToJson(Machine),
        ["rows"] = new JsonArray([.. Rows.Select(row => (JsonNode)new JsonObject
        {
            ["test"] = row.Test.Name,
            ["threads"] = Machine.Threads,
            ["format"] = Format,
            ["sequences"] = row.Test.Sequences,
            ["depth"] = row.Test.Depth,
            ["tokensPerSecond"] = new JsonObject
            {
                ["median"] = Math.Round(row.Speeds.Median, 3),
                ["min"] = Math.Round(row.Speeds.Min, 3),
                ["max"] = Math.Round(row.Speeds.Max, 3),
            },
            ["readGBs"] = row.BytesPerSecond is { } bytes ? Math.Round(bytes / 1e9, 2) : null,
            ["gops"] = Math.Round(row.OperationsPerSecond / 1e9, 2),
            ["readBandwidthGBs"] = Math.Round(row.Speeds.BytesPerSecond / 1e9, 2),
            ["floorTokensPerSecond"] = Math.Round(row.Floor, 3),
            ["fraction"] = Math.Round(row.Fraction, 4),
        })]),
    };

    public void Print(CommandConsole console)
    {
        PrintHead(console);
        if (Rows.Count == 0)
        {
            return;
        }

        Table table = BenchTable.Of(console, "test", "tokens/s", "least", "most", "GB/s", "GOP/s", "memory gave", "floor", "of the floor");
        foreach (BenchRow row in Rows)
        {
            table.AddRow(
                row.Test.Name,
                Units.Short(row.Speeds.Median),
                Units.Short(row.Speeds.Min),
                Units.Short(row.Speeds.Max),
                row.BytesPerSecond is { } bytes ? Units.Short(bytes / 1e9) : "",
                Units.Short(row.OperationsPerSecond / 1e9),
                Units.Bandwidth(row.Speeds.BytesPerSecond),
                Units.Short(row.Floor),
                $"{row.Fraction * 100:0.0} %");
        }

        console.Page().Write(table);
        console.Note("Floors: pp by arithmetic; tg by reading the weights once a step and each sequence's keys and values, at the bandwidth read in between, or by arithmetic where that takes longer.");
    }

    void PrintHead(CommandConsole console)
    {
        Facts facts = new(console, nameWidth: 9);
        facts.Add("model", $"{Model} · {Format} · {Backend}");
        facts.Add("machine", SpeedText.Of(Machine));
        facts.Add("loaded", $"in {Units.Duration(Load)}, peak memory {(PeakBytes is { } bytes ? Units.Bytes(bytes) : "unknown")}");
        if (Plan is not null)
        {
            facts.Add("plan", Plan);
        }

        console.Output.WriteLine();
    }
}

/// <summary>Tables of names and numbers, as all reports of bench print them.</summary>
static class BenchTable
{
    public static Table Of(CommandConsole console, string first, params ReadOnlySpan<string> numbers)
    {
        Table table = new Table().Border(console.OutputIsTerminal ? TableBorder.Rounded : TableBorder.None);
        table.AddColumn(first);
        foreach (string name in numbers)
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        return table;
    }
}
