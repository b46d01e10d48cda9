using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu.Machine;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>One line of the result.</summary>
/// <param name="Test">What was measured.</param>
/// <param name="Speeds">What came out.</param>
/// <param name="Floor">Tokens per second that this machine cannot exceed with this model.</param>
sealed record BenchRow(BenchTest Test, Speeds Speeds, double Floor)
{
    public double Fraction => Speeds.Median / Floor;
}

/// <summary>The result of a run, for people and for programs.</summary>
sealed record BenchReport
{
    public required string Model { get; init; }

    public required string Format { get; init; }

    public required string Backend { get; init; }

    public required MachineSpeed Machine { get; init; }

    public required TimeSpan Load { get; init; }

    public required long? PeakBytes { get; init; }

    public required IReadOnlyList<BenchRow> Rows { get; init; }

    public JsonObject ToJson() => new()
    {
        ["model"] = Model,
        ["backend"] = Backend,
        ["loadSeconds"] = Math.Round(Load.TotalSeconds, 3),
        ["peakMemoryBytes"] = PeakBytes,
        ["machine"] = SpeedText.ToJson(Machine),
        ["rows"] = new JsonArray([.. Rows.Select(row => (JsonNode)new JsonObject
        {
            ["test"] = row.Test.Name,
            ["threads"] = Machine.Threads,
            ["format"] = Format,
            ["tokensPerSecond"] = new JsonObject
            {
                ["median"] = Math.Round(row.Speeds.Median, 3),
                ["min"] = Math.Round(row.Speeds.Min, 3),
                ["max"] = Math.Round(row.Speeds.Max, 3),
            },
            ["floorTokensPerSecond"] = Math.Round(row.Floor, 3),
            ["fraction"] = Math.Round(row.Fraction, 4),
        })]),
    };

    public void Print(CommandConsole console)
    {
        Facts facts = new(console, nameWidth: 9);
        facts.Add("model", $"{Model} · {Format} · {Backend}");
        facts.Add("machine", SpeedText.Of(Machine));
        facts.Add("loaded", $"in {Units.Duration(Load)}, peak memory {(PeakBytes is { } bytes ? Units.Bytes(bytes) : "unknown")}");
        console.Output.WriteLine();
        Table table = new Table().Border(console.OutputIsTerminal ? TableBorder.Rounded : TableBorder.None);
        table.AddColumn("test");
        foreach (string name in new[] { "tokens/s", "least", "most", "floor", "of the floor" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (BenchRow row in Rows)
        {
            table.AddRow(row.Test.Name, Units.Short(row.Speeds.Median), Units.Short(row.Speeds.Min), Units.Short(row.Speeds.Max), Units.Short(row.Floor), $"{row.Fraction * 100:0.0} %");
        }

        console.Page().Write(table);
        console.Note("Floors are this machine's own rates in the same run: pp by arithmetic, tg by reading the weights once a token.");
    }
}
