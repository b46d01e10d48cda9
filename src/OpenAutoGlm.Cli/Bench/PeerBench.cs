using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Bench;

/// <summary>One test, here and there, in turn.</summary>
/// <param name="Test">What was measured.</param>
/// <param name="Ours">Tokens per second here, by repetition.</param>
/// <param name="Theirs">Tokens per second there, by repetition.</param>
sealed record VersusRow(BenchTest Test, double[] Ours, double[] Theirs)
{
    public double Ratio => Speeds.MedianOf(Ours.Zip(Theirs, (ours, theirs) => ours / theirs));
}

/// <summary>
/// Another program's bench, as llama.cpp and its relatives build it: run once for every repetition, between our own
/// measurements, so that both meet the same machine.
/// </summary>
sealed class PeerBench(string program, string model, int threads)
{
    /// <summary>A B A B …: here, there, so many times. Both warm up before: we once, the other at each of its starts.</summary>
    public IReadOnlyList<VersusRow> Measure(BenchRun run, IReadOnlyList<BenchTest> tests, int repetitions, Action<string> doing, CancellationToken cancellation)
    {
        VersusRow[] rows = [.. tests.Select(test => new VersusRow(test, new double[repetitions], new double[repetitions]))];
        for (int repetition = 0; repetition < repetitions; repetition++)
        {
            foreach (VersusRow row in rows)
            {
                doing($"{row.Test.Name}, here, {repetition + 1} of {repetitions}");
                row.Ours[repetition] = run.Once(row.Test, cancellation).TokensPerSecond;
                doing($"{row.Test.Name}, there, {repetition + 1} of {repetitions}");
                row.Theirs[repetition] = Once(row.Test, cancellation);
            }
        }

        return rows;
    }

    public static void Print(IReadOnlyList<VersusRow> rows, CommandConsole console)
    {
        console.Output.WriteLine();
        Table table = BenchTable.Of(console, "test", "here", "there", "ratio", "least", "most");
        foreach (VersusRow row in rows)
        {
            double[] ratios = [.. row.Ours.Zip(row.Theirs, (ours, theirs) => ours / theirs)];
            table.AddRow(row.Test.Name, Units.Short(Speeds.MedianOf(row.Ours)), Units.Short(Speeds.MedianOf(row.Theirs)), $"{row.Ratio:0.00} ×", $"{ratios.Min():0.00}", $"{ratios.Max():0.00}");
        }

        console.Page().Write(table);
    }

    public static JsonArray ToJson(IReadOnlyList<VersusRow> rows) => new([.. rows.Select(row => (JsonNode)new JsonObject
    {
        ["test"] = row.Test.Name,
        ["tokensPerSecond"] = Math.Round(Speeds.MedianOf(row.Ours), 3),
        ["peerTokensPerSecond"] = Math.Round(Speeds.MedianOf(row.Theirs), 3),
        ["ratio"] = Math.Round(row.Ratio, 4),
    })]);

    /// <summary>The one speed in the JSON that the program prints: an array of tests with avg_ts.</summary>
    internal static double Parse(string json, BenchTest test)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            foreach (JsonElement row in document.RootElement.EnumerateArray())
            {
                int prompt = row.GetProperty("n_prompt").GetInt32();
                int generated = row.GetProperty("n_gen").GetInt32();
                if ((prompt, generated) == (test.Prefill ? test.Tokens : 0, test.Prefill ? 0 : test.Tokens))
                {
                    double speed = row.GetProperty("avg_ts").GetDouble();
                    return speed > 0 ? speed : throw new CommandFailedException($"The other bench says that {test.Name} ran at {speed} tokens/s.");
                }
            }
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new CommandFailedException($"The other bench did not print what llama-bench prints with '-o json': {error.Message}", inner: error);
        }

        throw new CommandFailedException($"The other bench printed no result for {test.Name}.");
    }

    double Once(BenchTest test, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string[] arguments =
        [
            "-m", model, "-t", Text(threads), "-p", Text(test.Prefill ? test.Tokens : 0), "-n", Text(test.Prefill ? 0 : test.Tokens), "-r", "1", "-o", "json",
            .. test.Depth > 0 ? (string[])["-d", Text(test.Depth)] : [],
        ];
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Started(start);
        using CancellationTokenRegistration cancelled = cancellation.Register(() => End(process));
        Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        return process.ExitCode == 0
            ? Parse(output.GetAwaiter().GetResult(), test)
            : throw new CommandFailedException($"{program} ended with code {process.ExitCode}: {LastLine(error.GetAwaiter().GetResult())}");
    }

    static Process Started(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new CommandFailedException($"{start.FileName} could not be started.");
        }
        catch (Win32Exception error)
        {
            throw new CommandFailedException($"{start.FileName} could not be started: {error.Message}. --versus takes the path of a llama-bench program.", inner: error);
        }
    }

    static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It ended by itself just now.
        }
    }

    static string LastLine(string text) => text.TrimEnd().Split('\n')[^1];

    static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
