using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Passes;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>What one pass is worth.</summary>
/// <param name="Pass">Its name; "all" for all of them together.</param>
/// <param name="Fired">How often it found what it looks for, with all passes on.</param>
/// <param name="Without">The graph with all passes but this one.</param>
/// <param name="Decode">Time of a token without ÷ with it; null where it did not fire.</param>
/// <param name="Prefill">Time of a prompt without ÷ with it; null where it did not fire.</param>
sealed record PassRow(string Pass, int Fired, GraphSize Without, double? Decode, double? Prefill);

/// <summary>
/// Times a model with all passes and with all but one, in turn, for each of them. Ratios are medians over pairs that ran
/// directly one after the other.
/// </summary>
/// <param name="Open">Makes the model ready without some passes.</param>
/// <param name="PromptTokens">Length of the prompt.</param>
/// <param name="Depth">Tokens before it.</param>
sealed record PassBench(Func<string[], (IBackend Backend, ModelMeter Meter)> Open, int PromptTokens, int Depth)
{
    /// <summary>Tokens that are decoded in a row for one time.</summary>
    const int DecodeTokens = 4;

    public (GraphSize With, IReadOnlyList<PassRow> Rows) Measure(int repetitions, Action<string> doing, CancellationToken cancellation)
    {
        (IBackend backend, ModelMeter all) = Open([]);
        using (backend)
        using (all)
        {
            PassReport report = all.Plan.Passes ?? throw CommandFailedException.Usage("--passes compares passes, and the reference backend runs none.");
            List<PassRow> rows = [];
            foreach (string pass in report.Passes.Where(entry => entry.Enabled).Select(entry => entry.Name).Append(PassPipeline.EveryPass))
            {
                doing($"without {pass}");
                int fired = pass == PassPipeline.EveryPass ? report.Passes.Sum(entry => entry.Fired) : report.Passes.Single(entry => entry.Name == pass).Fired;
                rows.Add(fired == 0 ? new PassRow(pass, 0, report.After, null, null) : Compare(all, pass, fired, repetitions, cancellation));
            }

            return (report.After, rows);
        }
    }

    public static JsonObject ToJson(GraphSize with, IReadOnlyList<PassRow> rows) => new()
    {
        ["kernels"] = with.Kernels,
        ["arenaBytes"] = with.ArenaBytes,
        ["passes"] = new JsonArray([.. rows.Select(row => (JsonNode)new JsonObject
        {
            ["pass"] = row.Pass,
            ["fired"] = row.Fired,
            ["kernelsWithout"] = row.Without.Kernels,
            ["arenaBytesWithout"] = row.Without.ArenaBytes,
            ["decodeTimeWithout"] = row.Decode is { } decode ? Math.Round(decode, 4) : null,
            ["prefillTimeWithout"] = row.Prefill is { } prefill ? Math.Round(prefill, 4) : null,
        })]),
    };

    public void Print(GraphSize with, IReadOnlyList<PassRow> rows, CommandConsole console)
    {
        console.Output.WriteLine();
        console.Output.WriteLine($"with all passes: {with.Kernels} kernels, arena {Units.Bytes(with.ArenaBytes)}");
        Table table = BenchTable.Of(console, "without", "fired", "kernels", "arena", "decode takes", $"pp{PromptTokens} takes");
        foreach (PassRow row in rows)
        {
            table.AddRow(row.Pass, $"{row.Fired}", $"{row.Without.Kernels}", Units.Bytes(row.Without.ArenaBytes), Ratio(row.Decode), Ratio(row.Prefill));
        }

        console.Page().Write(table);
    }

    static string Ratio(double? ratio) => ratio is { } value ? $"{value:0.000} ×" : "";

    PassRow Compare(ModelMeter all, string pass, int fired, int repetitions, CancellationToken cancellation)
    {
        (IBackend backend, ModelMeter without) = Open([pass]);
        using (backend)
        using (without)
        {
            List<double> decode = [];
            List<double> prefill = [];
            for (int repetition = -1; repetition < repetitions; repetition++)
            {
                double with = Prefill(all, cancellation);
                double ratio = Prefill(without, cancellation) / with;
                with = Decode(all, cancellation);
                double decodeRatio = Decode(without, cancellation) / with;
                if (repetition >= 0)
                {
                    prefill.Add(ratio);
                    decode.Add(decodeRatio);
                }
            }

            return new PassRow(pass, fired, without.Plan.Passes!.After, Speeds.MedianOf(decode), Speeds.MedianOf(prefill));
        }
    }

    double Prefill(ModelMeter meter, CancellationToken cancellation) =>
        meter.Prefill(PromptTokens, Depth, _ => cancellation.ThrowIfCancellationRequested()).TotalSeconds;

    double Decode(ModelMeter meter, CancellationToken cancellation)
    {
        double seconds = 0;
        for (int token = 0; token < DecodeTokens; token++)
        {
            seconds += meter.Decode(1, Depth + token).TotalSeconds;
            cancellation.ThrowIfCancellationRequested();
        }

        return seconds;
    }

    /// <summary>Tokens that a meter must have room for.</summary>
    public static MeterLimits Limits(int promptTokens, int depth) => new(1, depth + Math.Max(promptTokens, DecodeTokens), depth + Math.Max(promptTokens, DecodeTokens));
}
