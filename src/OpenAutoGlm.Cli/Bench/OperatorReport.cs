using System.Diagnostics;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Optimization.Analysis;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>Where the time of a test goes, kernel by kernel.</summary>
/// <param name="Test">What ran.</param>
/// <param name="Rows">The kernels, the dearest first.</param>
/// <param name="Machine">What they are compared with.</param>
sealed record OperatorReport(BenchTest Test, IReadOnlyList<OperatorRow> Rows, MachineSpeed Machine)
{
    public double Seconds => Rows.Sum(row => row.Seconds);

    /// <summary>Times every step of the plan over some repetitions, and gathers those with the same kernel.</summary>
    public static OperatorReport Measure(ModelMeter meter, BenchTest test, int repetitions, MachineSpeed machine, CancellationToken cancellation)
    {
        long[] ticks = new long[meter.Plan.Steps.Length];
        int runs = 0;
        for (int repetition = -1; repetition < repetitions; repetition++)
        {
            int index = 0;
            long last = Stopwatch.GetTimestamp();
            void After(PlanStep step)
            {
                long now = Stopwatch.GetTimestamp();
                if (repetition >= 0)
                {
                    ticks[index % ticks.Length] += now - last;
                }

                index++;
                last = Stopwatch.GetTimestamp();
                cancellation.ThrowIfCancellationRequested();
            }

            if (test.Prefill)
            {
                meter.Prefill(test.Tokens, test.Depth, After);
            }
            else
            {
                meter.Decode(test.Sequences, test.Depth, After);
            }

            runs += repetition >= 0 ? 1 : 0;
        }

        StepSizes sizes = test.Prefill
            ? new StepSizes(1, test.Tokens, test.Depth, 1)
            : new StepSizes(test.Sequences, test.Sequences, test.Depth, test.Sequences);
        return new OperatorReport(
            test,
            [.. meter.Plan.Steps
                .Select((step, i) => (Name: NameOf(step), Cost: StepCost.Of(step.Node, sizes), Seconds: ticks[i] / (double)Stopwatch.Frequency / runs))
                .GroupBy(step => (step.Name, step.Cost.Weights))
                .Select(group => new OperatorRow(group.Key.Name, group.Count(), group.Sum(step => step.Seconds), group.Aggregate(default(StepCost), (sum, step) => sum + step.Cost)))
                .OrderByDescending(row => row.Seconds)],
            machine);
    }

    /// <summary>The kernel, and the matrices that it multiplies with: the same kernel is another matter for another shape.</summary>
    static string NameOf(PlanStep step)
    {
        string[] shapes = [.. step.Node.Inputs
            .Where(input => input.Constant is { Shape.Rank: > 1 })
            .Select(input => $"{input.Constant!.Shape}")];
        return shapes.Length == 0 ? step.Kernel.Name : $"{step.Kernel.Name} {string.Join(" + ", shapes)}";
    }

    public MachineLimits Limits(OperatorRow row) => new(Machine.ReadBytesPerSecond, WeightFormat.Rate(row.Cost.Weights, Machine));

    public JsonObject ToJson() => new()
    {
        ["test"] = Test.Name,
        ["seconds"] = Seconds,
        ["operators"] = new JsonArray([.. Rows.Select(row => (JsonNode)new JsonObject
        {
            ["kernel"] = row.Kernel,
            ["calls"] = row.Calls,
            ["meanMicroseconds"] = Math.Round(row.Seconds / row.Calls * 1e6, 2),
            ["share"] = Math.Round(row.Seconds / Seconds, 4),
            ["bytes"] = Math.Round(row.Cost.Bytes),
            ["operations"] = Math.Round(row.Cost.Operations),
            ["intensity"] = Math.Round(row.Cost.Intensity, 3),
            ["bound"] = row.Cost.IsMemoryBound(Limits(row)) ? "memory" : "compute",
            ["ofRoof"] = Math.Round(row.Cost.Seconds(Limits(row)) / row.Seconds, 4),
        })]),
    };

    public void Print(CommandConsole console)
    {
        console.Output.WriteLine();
        console.Output.WriteLine($"{Test.Name}: {Units.Duration(TimeSpan.FromSeconds(Seconds))} in {Rows.Sum(row => row.Calls)} kernels");
        Table table = BenchTable.Of(console, "kernel", "calls", "mean", "share", "GB/s", "GOP/s", "ops/byte", "bound by", "of its roof");
        foreach (OperatorRow row in Rows)
        {
            MachineLimits limits = Limits(row);
            table.AddRow(
                Markup.Escape(row.Kernel),
                $"{row.Calls}",
                Units.Duration(TimeSpan.FromSeconds(row.Seconds / row.Calls)),
                $"{row.Seconds / Seconds * 100:0.0} %",
                Units.Short(row.Cost.Bytes / row.Seconds / 1e9),
                Units.Short(row.Cost.Operations / row.Seconds / 1e9),
                Units.Short(row.Cost.Intensity),
                row.Cost.IsMemoryBound(limits) ? "memory" : "arithmetic",
                $"{row.Cost.Seconds(limits) / row.Seconds * 100:0} %");
        }

        console.Page().Write(table);
        console.Output.Write(Roofline.Text(this, console.OutputIsTerminal ? Math.Clamp(Screen.Width - 12, 40, 100) : 72));
    }
}

/// <summary>All steps of one kernel.</summary>
/// <param name="Kernel">Its name.</param>
/// <param name="Calls">Steps with it.</param>
/// <param name="Seconds">Time of all of them in one run.</param>
/// <param name="Cost">What they must at least do.</param>
sealed record OperatorRow(string Kernel, int Calls, double Seconds, StepCost Cost);
