using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Optimization.Analysis;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Plans;

/// <summary>One step of a plan: what it must at least take on this machine, and what it took.</summary>
/// <param name="Step">Kernel and node.</param>
/// <param name="Cost">What it moves and computes.</param>
/// <param name="Estimated">Seconds by the roofs of the machine.</param>
/// <param name="Measured">Seconds, the median of some runs.</param>
sealed record PlanRow(PlanStep Step, StepCost Cost, double Estimated, double Measured);

/// <summary>A plan, step by step, as it decodes one token.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Rows">Its steps.</param>
/// <param name="Machine">What the estimates are made from.</param>
/// <param name="Code">The functions that were assembled for it.</param>
sealed record PlanReport(Plan Plan, IReadOnlyList<PlanRow> Rows, MachineSpeed Machine, IReadOnlyList<EmittedFunction> Code)
{
    const int Runs = 7;

    /// <summary>Runs the plan some times.</summary>
    public static PlanReport Measure(ModelMeter meter, MachineSpeed machine, IReadOnlyList<EmittedFunction> code, CancellationToken cancellation)
    {
        List<double>[] times = [.. meter.Plan.Steps.Select(_ => new List<double>())];
        for (int run = -1; run < Runs; run++)
        {
            int index = 0;
            long last = Stopwatch.GetTimestamp();
            meter.Decode(1, 0, _ =>
            {
                double seconds = Stopwatch.GetElapsedTime(last).TotalSeconds;
                if (run >= 0)
                {
                    times[index].Add(seconds);
                }

                index++;
                cancellation.ThrowIfCancellationRequested();
                last = Stopwatch.GetTimestamp();
            });
        }

        StepSizes sizes = new(Sequences: 1, Tokens: 1, Depth: 0, Outputs: 1);
        return new PlanReport(
            meter.Plan,
            [.. meter.Plan.Steps.Select((step, i) =>
            {
                StepCost cost = StepCost.Of(step.Node, sizes);
                MachineLimits limits = new(machine.ReadBytesPerSecond, WeightFormat.Rate(cost.Weights, machine));
                return new PlanRow(step, cost, cost.Seconds(limits), Speeds.MedianOf(times[i]));
            })],
            machine,
            code);
    }

    public JsonArray StepsToJson() => new([.. Rows.Select((row, i) => (JsonNode)new JsonObject
    {
        ["step"] = i,
        ["kernel"] = row.Step.Kernel.Name,
        ["node"] = row.Step.Node.ToString(),
        ["bytes"] = Math.Round(row.Cost.Bytes),
        ["operations"] = Math.Round(row.Cost.Operations),
        ["estimatedMicroseconds"] = Math.Round(row.Estimated * 1e6, 2),
        ["measuredMicroseconds"] = Math.Round(row.Measured * 1e6, 2),
    })]);

    public JsonArray CodeToJson() => new([.. Code.Select(code => (JsonNode)new JsonObject
    {
        ["name"] = code.Name,
        ["bytes"] = code.Bytes,
        ["listing"] = code.Listing,
    })]);

    public void Print(CommandConsole console, bool disassemble)
    {
        console.Output.WriteLine();
        console.Output.WriteLine($"{Plan.Graph.Name}: {Rows.Count} steps, arena {Units.Bytes(Plan.Arena.Bytes)} of {Units.Bytes(Plan.Arena.UnsharedBytes)} unshared");
        console.Output.WriteLine($"one token: {Text(Rows.Sum(row => row.Measured))} measured, {Text(Rows.Sum(row => row.Estimated))} by the machine's limits ({SpeedText.Of(Machine)})");
        Table table = BenchTable.Of(console, "step", "bytes", "estimated", "measured");
        table.AddColumn("kernel").AddColumn("computes");
        for (int i = 0; i < Rows.Count; i++)
        {
            PlanRow row = Rows[i];
            table.AddRow($"{i}", Units.Bytes((long)row.Cost.Bytes), Text(row.Estimated), Text(row.Measured), Markup.Escape(row.Step.Kernel.Name), Markup.Escape(row.Step.Node.ToString()));
        }

        console.Page().Write(table);
        if (disassemble)
        {
            console.Output.Write(Listing());
        }
    }

    static string Text(double seconds) => Units.Duration(TimeSpan.FromSeconds(seconds));

    string Listing()
    {
        StringBuilder text = new();
        if (Code.Count == 0)
        {
            text.Append("\nNo function was assembled: this processor or system does not allow it, or no kernel asked for one.\n");
        }

        foreach (EmittedFunction code in Code)
        {
            text.Append($"\n{code.Name}: {code.Bytes} bytes at {code.Address:x}\n{code.Listing}");
        }

        return text.ToString();
    }
}
