using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Simulation;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm simulate: random histories of the scheduler, its memory and its caches, checked after every step.</summary>
sealed class SimulateCommand : AutoGlmCommand
{
    readonly Option<int?> _steps = Flags.Int("--steps", "Steps to take, all histories together. Default: 1000000.", 1, int.MaxValue);
    readonly Option<int?> _seed = Flags.Int("--seed", "Seed of the first history; each takes the next. Default: 1.", 0, int.MaxValue);
    readonly Option<int?> _threads = Flags.Int("--threads", "Histories that are played at the same time. Default: one on every core.", 1, 1024, "-t");
    readonly Option<bool> _json = Flags.Json();

    public SimulateCommand(CommandConsole console)
        : base("simulate", "Plays random traffic against the real scheduler and memory with a simulated model, and checks every invariant after every step.", console)
    {
        AddAll([_steps, _seed, _threads, _json]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm simulate", "A million steps of arrivals, cancels, faults and shortage of memory:"),
        ("autoglm simulate --steps 10000000 --json", "Ten million, for a program to read:"),
        ("autoglm simulate --seed 4711 --steps 1 --threads 1", "Play again what went wrong with the seed that a failure named:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        int steps = arguments.GetValue(_steps) ?? 1_000_000;
        int seed = arguments.GetValue(_seed) ?? 1;
        StatusLine status = new(Console);
        long start = Stopwatch.GetTimestamp();
        SimulationTally tally;
        try
        {
            tally = SchedulerSimulation.Run(
                seed, steps, arguments.GetValue(_threads) ?? Environment.ProcessorCount, taken => Say(status, taken, steps), cancellation);
        }
        catch (SimulationException error)
        {
            status.End();
            throw new CommandFailedException(error.Message, inner: error);
        }

        status.End();
        Show(tally, Stopwatch.GetElapsedTime(start), arguments.GetValue(_json));
        return Task.FromResult(ExitCode.Done);
    }

    static void Say(StatusLine status, long taken, int steps)
    {
        // Histories end on several threads.
        lock (status)
        {
            status.Say($"{Math.Min(taken, steps):N0} of {steps:N0} steps");
        }
    }

    void Show(SimulationTally tally, TimeSpan took, bool json)
    {
        (string Name, long Count)[] facts =
        [
            ("histories", tally.Histories),
            ("steps", tally.Steps),
            ("tokens", tally.Generated),
            .. Enum.GetValues<FinishReason>().Select(reason => ($"ended: {reason.ToString().ToLowerInvariant()}", tally.Ends.GetValueOrDefault(reason))),
            .. tally.Cancellations.OrderBy(pair => pair.Key).Select(pair => ($"cancelled: {pair.Key}", pair.Value)),
            ("refused", tally.Refused),
            ("preemptions", tally.Preemptions),
            ("tokens found in memory", tally.CachedTokens),
            ("guesses", tally.Guessed),
            ("guesses right", tally.GuessedRight),
            ("beam searches", tally.BeamSearches),
        ];
        if (json)
        {
            JsonObject body = [];
            foreach ((string name, long count) in facts)
            {
                body[name.Replace(": ", "_", StringComparison.Ordinal).Replace(' ', '_')] = count;
            }

            body["seconds"] = Math.Round(took.TotalSeconds, 3);
            Console.WriteJson(body);
            return;
        }

        foreach ((string name, long count) in facts)
        {
            Console.Output.WriteLine($"{name,-24} {count,14:N0}");
        }

        Console.Output.WriteLine($"Every invariant held after every step ({took.TotalSeconds:N1} s).");
    }
}
