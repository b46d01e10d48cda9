using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Optimization.Analysis;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Optimize;

/// <summary>An analysis on the terminal: what a token costs, where time and memory go, what would help.</summary>
static class AnalysisPrinter
{
    public static void Print(ModelAnalysis analysis, CommandConsole console)
    {
        GraphCost cost = analysis.Cost;
        console.Output.WriteLine($"{Units.Count(cost.Parameters)} parameters, {Units.Count(cost.ActiveParameters)} of them for each token; weights {Units.Bytes(cost.WeightBytes)}");
        console.Output.WriteLine($"a token reads {Units.Bytes(cost.BytesPerToken)}, computes {Units.Count(cost.OperationsPerToken)} operations, adds {Units.Bytes(cost.KvBytesPerToken)} of keys and values");
        console.Output.WriteLine($"the machine reads {Units.Bandwidth(analysis.Machine.ReadBytesPerSecond)}; int8 {Units.Count(analysis.Machine.ByteOperationsPerSecond)}, bfloat16 {Units.Count(analysis.Machine.BFloat16OperationsPerSecond)}, float32 {Units.Count(analysis.Machine.FloatOperationsPerSecond)} operations/s");
        foreach (AnalysedRun run in analysis.Runs)
        {
            Print(run, console);
        }

        foreach (string note in analysis.Notes)
        {
            console.Output.WriteLine();
            console.Output.WriteLine($"note: {note}");
        }

        Memory(analysis, console);
        if (analysis.Advice.Length > 0)
        {
            console.Output.WriteLine();
            console.Output.WriteLine("what would help, the most first:");
            foreach (Advice advice in analysis.Advice)
            {
                console.Output.WriteLine($"- {advice.Title}. {advice.Text}");
            }
        }
    }

    static void Print(AnalysedRun run, CommandConsole console)
    {
        console.Output.WriteLine();
        string floor = Units.Duration(TimeSpan.FromSeconds(run.FloorSeconds));
        string time = run.Seconds is { } seconds ? $"{Units.Duration(TimeSpan.FromSeconds(seconds))}, at least {floor}" : $"at least {floor}";
        console.Output.WriteLine($"{run.Name}: {time} ({run.MemoryBoundShare * 100:0} % of that bound by memory)");
        Table table = BenchTable.Of(console, "operator", "steps", "format", run.Seconds is null ? "least" : "time", "share", "GB/s", "GOP/s", "ops/byte", "bound by", "of the possible");
        double whole = run.Operators.Sum(one => one.Cost);
        foreach (OperatorShare one in run.Operators)
        {
            table.AddRow(
                Markup.Escape(one.Part.Length == 0 ? one.Operator : $"{one.Operator}, {one.Part}"),
                $"{one.Steps}",
                one.Weights?.ToString() ?? "",
                Units.Duration(TimeSpan.FromSeconds(one.Cost)),
                $"{one.Cost / whole * 100:0.0} %",
                Units.Short(one.Bytes / one.Cost / 1e9),
                Units.Short(one.Operations / one.Cost / 1e9),
                Units.Short(one.Intensity),
                one.Bound == OperatorBound.Memory ? "memory" : "arithmetic",
                one.OfFloor is { } reached ? $"{reached * 100:0} %" : "");
        }

        console.Page().Write(table);
    }

    static void Memory(ModelAnalysis analysis, CommandConsole console)
    {
        console.Output.WriteLine();
        Table table = BenchTable.Of(console, "memory", "bytes");
        foreach (MemoryShare share in analysis.Memory)
        {
            table.AddRow(Markup.Escape(share.What), Units.Bytes(share.Bytes));
        }

        foreach (MemoryTotal total in analysis.Totals)
        {
            table.AddRow(total.Tokens is { } tokens ? $"together, {tokens:N0} tokens" : "together", Units.Bytes(total.Bytes));
        }

        console.Page().Write(table);
    }
}
