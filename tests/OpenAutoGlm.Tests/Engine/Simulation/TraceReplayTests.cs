using System.Collections.Immutable;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Simulation.Replay;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Engine.Simulation;

public class TraceReplayTests
{
    /// <summary>A step takes ten seconds, and a token another one.</summary>
    static readonly StepCosts Costs = new() { Step = 10, Token = 1 };

    [Fact]
    public void One_request_takes_the_time_of_its_steps()
    {
        ReplayResult result = Play(Trace((0, 7, 3)), Policy(), Costs);
        ReplayedRequest request = Assert.Single(result.Requests);

        // Seven tokens and the first of the answer in one step of 17 seconds, then two of 11.
        Assert.Equal(17, request.TimeToFirstToken.TotalSeconds);
        Assert.Equal(11, request.TimePerOutputToken!.Value.TotalSeconds);
        Assert.Equal(39, request.EndToEnd.TotalSeconds);
        Assert.Equal((3, 39, 39, 3), (request.OutputTokens, result.Duration.TotalSeconds, result.Busy.TotalSeconds, result.Steps));
        Assert.Equal(1, result.MeanSequences);
    }

    [Fact]
    public void Time_counts_from_the_arrival_though_a_step_was_running()
    {
        ReplayResult result = Play(Trace((0, 5, 1), (1, 5, 1), (100, 5, 1)), Policy(), Costs);

        // The first step takes 15 seconds; who came after one second waits for 14, then for a step of 15.
        Assert.Equal([15, 29, 15], result.Requests.Select(request => request.TimeToFirstToken.TotalSeconds));
        Assert.Equal(115, result.Duration.TotalSeconds);
        Assert.Equal(45, result.Busy.TotalSeconds);
    }

    [Fact]
    public void Long_prompts_are_read_in_chunks()
    {
        ReplayResult result = Play(Trace((0, 100, 1)), Policy(new EngineOptions { MaxTokensPerStep = 40 }), Costs);
        Assert.Equal(3, result.Steps);
        Assert.Equal(130, result.Requests[0].TimeToFirstToken.TotalSeconds);
    }

    [Fact]
    public void Shared_blocks_are_found_again_as_far_as_an_endless_cache_would()
    {
        Trace trace = new("shared", TraceFormat.Mooncake, 64,
        [
            new TraceRequest(TimeSpan.Zero, 200, 2, [1, 2, 3, 4]),
            new TraceRequest(TimeSpan.FromHours(1), 150, 2, [1, 2, 9]),
            new TraceRequest(TimeSpan.FromHours(2), 200, 2, [1, 2, 3, 4]),
            new TraceRequest(TimeSpan.FromHours(3), 10, 2, [7]),
        ]);
        ReplayResult result = Play(trace, Policy(), Costs);

        // Whole blocks of 32: of 200 tokens 192, and nothing of a prompt that nobody sent before.
        Assert.Equal([0, 128, 192, 0], result.Requests.Select(request => request.CachedTokens));
        Assert.Equal([0, 128, 192, 0], result.Requests.Select(request => request.ReusableTokens));
        Assert.Equal(560 - 320, result.PrefilledTokens);

        ReplayResult off = Play(trace, Policy(new EngineOptions { PrefixCache = new PrefixCacheOptions { Enabled = false } }), Costs);
        Assert.All(off.Requests, request => Assert.Equal(0, request.CachedTokens));
        Assert.Equal(560, off.PrefilledTokens);
    }

    [Fact]
    public void What_a_small_memory_forgets_is_computed_anew()
    {
        Trace trace = new("shared", TraceFormat.Mooncake, 64,
        [
            new TraceRequest(TimeSpan.Zero, 128, 2, [1, 2]),
            new TraceRequest(TimeSpan.FromHours(1), 192, 2, [5, 6, 7]),
            new TraceRequest(TimeSpan.FromHours(2), 128, 2, [1, 2]),
        ]);
        ReplayResult result = Play(trace, Policy(kvTokens: 224), Costs);
        Assert.True(result.Requests[2].CachedTokens < result.Requests[2].ReusableTokens);
        Assert.Equal(96, result.Requests[2].ReusableTokens);
    }

    [Fact]
    public void Empty_places_are_counted_by_hand_and_by_the_watch_alike()
    {
        // 33 tokens take two blocks of 32 places, of which 31 hold nothing; all 33 wait to be read.
        ReplayResult result = Play(Trace((0, 33, 1)), Policy(kvTokens: 256), Costs);
        Assert.Equal(31.0 / 64, result.Fragmentation, 1e-12);
        Assert.Equal(33.0 / 64, result.Reserved, 1e-12);
        Assert.Equal(0.25, result.MeanKvUse, 1e-12);
        Assert.Equal(0.25, result.MostKvUse, 1e-12);
    }

    [Fact]
    public void A_short_memory_drives_somebody_out_and_all_finish()
    {
        ReplayResult result = Play(Trace((0, 30, 80), (0, 30, 80), (0, 30, 80)), Policy(kvTokens: 192), Costs);
        Assert.True(result.Preemptions > 0);
        Assert.All(result.Requests, request => Assert.Equal(80, request.OutputTokens));
    }

    [Fact]
    public void What_can_never_be_served_is_refused_and_so_is_what_finds_the_queue_full()
    {
        ReplayResult result = Play(
            Trace((0, 2000, 1), (0, 5, 1), (0, 5, 1), (0, 5, 1)),
            Policy(new EngineOptions { MaxSequences = 1, QueueLimit = 1 }, kvTokens: 1024, context: 4096),
            Costs);
        Assert.Equal([RefusalReason.KvMemoryExceeded, null, null, RefusalReason.QueueFull], result.Requests.Select(request => request.Refusal));
    }

    [Fact]
    public void A_replay_comes_out_the_same_every_time()
    {
        Random random = new(3);
        double at = 0;
        Trace trace = Trace([.. Enumerable.Range(0, 200).Select(_ => (at += random.NextDouble() * 50, random.Next(1, 300), random.Next(1, 40)))]);
        ReplayResult first = Run();
        Assert.Equal(first.Requests, Run().Requests);
        Assert.Equal(trace.OutputTokens, first.Requests.Sum(request => request.OutputTokens));
        Assert.Equal(trace.PromptTokens, first.PrefilledTokens);

        ReplayResult Run() => Play(trace, Policy(new EngineOptions { CheckInvariants = true, MaxTokensPerStep = 64 }, kvTokens: 4096), Costs, seed: 5);
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Play(Trace((0, 1, 1)), Policy(), new StepCosts()));
        Assert.Throws<ArgumentException>(() => Play(Trace((0, 1, 1)), Policy(), new StepCosts { Step = double.NaN }));
        Assert.Throws<ArgumentException>(() => Play(new Trace("empty", TraceFormat.Azure, 1, []), Policy(), Costs));
        Assert.Throws<ArgumentOutOfRangeException>(() => Play(Trace((0, 1, 1)), Policy(kvTokens: 8), Costs));
        Assert.Throws<ArgumentOutOfRangeException>(() => Play(Trace((0, 1, 1)), Policy(new EngineOptions { BlockTokens = 7 }), Costs));
    }

    [Fact]
    public void A_replay_can_be_broken_off()
    {
        using CancellationTokenSource stop = new();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => TraceReplay.Run(Trace((0, 5, 2000)), Policy(), Costs, cancellation: stop.Token));
    }

    static ReplayResult Play(Trace trace, ReplayPolicy policy, StepCosts costs, int seed = 0) =>
        TraceReplay.Run(trace, policy, costs, seed, cancellation: TestContext.Current.CancellationToken);

    static ReplayPolicy Policy(EngineOptions? options = null, long kvTokens = 65_536, int context = 65_536) => new("test", options ?? new EngineOptions(), kvTokens, context);

    static Trace Trace(params (double Seconds, int Prompt, int Output)[] requests) => new(
        "made up", TraceFormat.Azure, 1, [.. requests.Select(request => new TraceRequest(TimeSpan.FromSeconds(request.Seconds), request.Prompt, request.Output, ImmutableArray<long>.Empty))]);
}
