using System.CommandLine;
using OpenAutoGlm.Cli.Load.Shape;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli.Load;

/// <summary>The flags that say how requests come, and how many.</summary>
sealed class LoadShapeFlags
{
    const int FewestRequests = 32;
    const int RequestsPerLane = 4;
    const int WarmUpRequests = 2;

    readonly Option<int[]?> _concurrency = Flags.Counts("--concurrency", "Requests at a time, the next when one is done; several numbers make a sweep. Default: 1.", "-c");
    readonly Option<double[]?> _rate = Flags.Numbers("--rate", "Requests per second, sent at their instants however slow the answers are; several numbers make a sweep.");
    readonly Option<string?> _arrivals = Flags.OneOf("--arrivals", "How requests of --rate and --rate-profile follow one another. Default: poisson.", "poisson", "constant");
    readonly Option<float?> _burstiness = Flags.Number("--burstiness", "Shape of gamma distributed gaps instead: below 1 in bursts, 1 as poisson, above 1 evenly.", 0.01f, 1000);
    readonly Option<RateProfile?> _profile = Flags.Parsed("--rate-profile", "profile", "Rates that change: time:rate or time:from-to with commas between, such as 30s:2,30s:4,1m:4-1.", RateProfile.Form, RateProfile.Parse);
    readonly Option<double[]?> _timeScale = Flags.Numbers("--time-scale", "With --trace: multiply its arrivals, so that 0.5 is twice as heavy; several numbers make a sweep. Default: 1.");
    readonly Option<int?> _requests = Flags.Int("--requests", $"Requests (or conversations) of each run. Default: {FewestRequests}, or {RequestsPerLane} for each at a time; what --duration, --rate-profile or --trace hold.", 1, 10_000_000, "-n");
    readonly Option<TimeSpan?> _duration = Flags.Time("--duration", "Start requests for so long in each run; all that were started are waited for.");
    readonly Option<int?> _warmUp = Flags.Int("--warmup", $"Requests before each run that are not measured. Default: {WarmUpRequests}.", 0, 10_000);
    readonly Option<ulong?> _seed = Flags.Seed();
    readonly Option<int?> _inFlight = Flags.Int("--max-in-flight", "Requests under way at most; one more counts as failed, unsent. Default: 1024.", 1, 100_000);
    readonly Option<TimeSpan?> _timeout = Flags.Time("--timeout", "Longest time for one answer. Default: 10m.");

    public IEnumerable<Option> All => [_concurrency, _rate, _arrivals, _burstiness, _profile, _timeScale, _requests, _duration, _warmUp, _seed, _inFlight, _timeout];

    /// <summary>The points of the sweep.</summary>
    /// <exception cref="CommandFailedException">Flags exclude each other.</exception>
    public IReadOnlyList<LoadPoint> Points(ParseResult arguments, Trace? trace)
    {
        int[]? concurrency = Given(arguments.GetValue(_concurrency));
        double[]? rates = Given(arguments.GetValue(_rate));
        RateProfile? profile = arguments.GetValue(_profile);
        if (new object?[] { concurrency, rates, profile, trace }.Count(shape => shape is not null) > 1)
        {
            throw CommandFailedException.Usage("--concurrency, --rate, --rate-profile and --trace exclude each other: they all say when requests come.");
        }

        if (concurrency?.Any(number => number is < 1 or > 100_000) == true)
        {
            throw CommandFailedException.Usage("--concurrency takes numbers from 1 to 100000.");
        }

        bool gaps = rates is not null || profile is not null;
        if (!gaps && (arguments.GetValue(_arrivals) is not null || arguments.GetValue(_burstiness) is not null))
        {
            throw CommandFailedException.Usage("--arrivals and --burstiness shape what --rate or --rate-profile ask for: give one of them too.");
        }

        if (arguments.GetValue(_arrivals) is not null && arguments.GetValue(_burstiness) is not null)
        {
            throw CommandFailedException.Usage("--arrivals and --burstiness exclude each other: both shape the gaps between requests.");
        }

        if (trace is null && Given(arguments.GetValue(_timeScale)) is not null)
        {
            throw CommandFailedException.Usage("--time-scale stretches a trace: give --trace too.");
        }

        double burstiness = arguments.GetValue(_burstiness) ?? (arguments.GetValue(_arrivals) == "constant" ? ArrivalProcess.Constant : ArrivalProcess.Poisson);
        return (rates, profile, trace) switch
        {
            (not null, _, _) => [.. rates.Select(rate => LoadPoint.AtRate(rate, burstiness))],
            (_, not null, _) => [LoadPoint.Along(profile, burstiness)],
            (_, _, not null) => [.. (Given(arguments.GetValue(_timeScale)) ?? [1]).Select(scale => LoadPoint.Replay(trace, scale))],
            _ => [.. (concurrency ?? [1]).Select(number => new LoadPoint.Closed(number))],
        };
    }

    /// <summary>How much a point takes.</summary>
    public LoadLimits Limits(ParseResult arguments, LoadPoint point, Trace? trace)
    {
        TimeSpan? time = arguments.GetValue(_duration);
        bool ends = time is not null || trace is not null || arguments.GetValue(_profile) is not null;
        int? otherwise = ends ? null : point is LoadPoint.Closed closed ? Math.Max(FewestRequests, RequestsPerLane * closed.Concurrency) : FewestRequests;
        return new LoadLimits(arguments.GetValue(_requests) ?? otherwise, time, arguments.GetValue(_inFlight) ?? 1024);
    }

    public int WarmUp(ParseResult arguments) => arguments.GetValue(_warmUp) ?? WarmUpRequests;

    public TimeSpan Timeout(ParseResult arguments) => arguments.GetValue(_timeout) is { } timeout
        ? timeout > TimeSpan.Zero ? timeout : throw CommandFailedException.Usage("--timeout must be longer than nothing.")
        : TimeSpan.FromMinutes(10);

    /// <summary>The seed, which is another one each time unless it was given: with the same tokens as in the last run, a server's prefix cache would answer.</summary>
    public int Seed(ParseResult arguments, TimeProvider time) =>
        arguments.GetValue(_seed) is { } seed ? (int)(seed & int.MaxValue) : (int)(PromptPart.Mix((ulong)time.GetUtcNow().UtcTicks, 0) >> 40);

    /// <summary>A list that was not given reads as an empty one.</summary>
    static T[]? Given<T>(T[]? values) => values is { Length: > 0 } ? values : null;
}
