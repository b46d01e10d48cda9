using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Load.Client;
using OpenAutoGlm.Cli.Load.Prompts;
using OpenAutoGlm.Cli.Load.Results;
using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli.Load;

/// <summary>A target that is ready to be asked.</summary>
sealed record LoadSide(LoadClient Client, RequestBody Bodies);

/// <summary>All that is to be run: every point, at every target in turn, so many times.</summary>
sealed record LoadPlan
{
    const int WarmLanes = 4;

    public required IReadOnlyList<LoadPoint> Points { get; init; }

    public required IReadOnlyList<LoadSide> Sides { get; init; }

    public required IWorkload Workload { get; init; }

    /// <summary>What each point may take.</summary>
    public required Func<LoadPoint, LoadLimits> Limits { get; init; }

    public required Objectives Objectives { get; init; }

    public required TimeProvider Time { get; init; }

    public int Seed { get; init; }

    public int Repeat { get; init; } = 1;

    /// <summary>Requests before each run that are not measured.</summary>
    public int WarmUp { get; init; }

    public TimeSpan ThinkTime { get; init; }

    /// <summary>Runs it: A B A B … at each point. After Ctrl-C, what was measured until then.</summary>
    public async Task<IReadOnlyList<PointResult>> RunAsync(CommandConsole console, CancellationToken stop)
    {
        LiveView view = new(console, Time);
        List<PointResult> results = [];
        for (int point = 0; point < Points.Count && !stop.IsCancellationRequested; point++)
        {
            List<RunResult>[] runs = [.. Sides.Select(_ => new List<RunResult>())];
            for (int repetition = 0; repetition < Repeat && !stop.IsCancellationRequested; repetition++)
            {
                for (int side = 0; side < Sides.Count && !stop.IsCancellationRequested; side++)
                {
                    string name = $"{Points[point].Name}{(Sides.Count > 1 ? $", {Sides[side].Client.Target.Name}" : "")}{(Repeat > 1 ? $", {repetition + 1} of {Repeat}" : "")}";

                    // Lengths and arrivals are the same at both targets; tokens are always new, so that a server that
                    // remembers prompts meets none from before, even where both targets are one server.
                    int seed = HashCode(Seed, repetition);
                    int salt = HashCode(HashCode(HashCode(Seed, point + 1), repetition), side);
                    runs[side].Add(await RunAsync(Sides[side], Points[point], name, seed, salt, view, stop));
                }
            }

            results.AddRange(runs.Select((of, side) => (of, side)).Where(pair => pair.of.Count > 0).Select(pair => new PointResult(Points[point], Sides[pair.side].Client.Target.Name, Objectives, pair.of)));
        }

        return results;
    }

    async Task<RunResult> RunAsync(LoadSide side, LoadPoint point, string name, int seed, int salt, LiveView view, CancellationToken stop)
    {
        if (WarmUp > 0)
        {
            side.Client.Live = new();
            LoadRun warm = new(side.Client, side.Bodies, Workload, TimeSpan.Zero, Time);
            await warm.RunAsync(new LoadPoint.Closed(Math.Min(WarmLanes, WarmUp)), new LoadLimits(WarmUp, null, WarmUp), ~seed, ~salt, stop);
        }

        side.Client.Live = new();
        LoadRun run = new(side.Client, side.Bodies, Workload, ThinkTime, Time);
        return await view.ShowAsync(name, side.Client.Live, () => run.RunAsync(point, Limits(point), seed, salt, stop));
    }

    static int HashCode(int seed, int value) => (int)(Engine.Traces.PromptPart.Mix((ulong)seed, (ulong)value) >> 33);
}
