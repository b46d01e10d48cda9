using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Simulation;
using OpenAutoGlm.Engine.Simulation.Replay;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Simulation;

/// <summary>Traffic of real services through the real scheduler, memory and cache of prefixes, in virtual time.</summary>
public class PublishedTraceReplayTests
{
    /// <summary>A fast accelerator: steps of 8 ms, ten microseconds for each token of a prompt.</summary>
    static readonly StepCosts Costs = new() { Step = 5e-4, Floor = 8e-3, Token = 1e-5, Sequence = 2e-5, Context = 5e-12 };

    [Theory]
    [InlineData("AzureLLMInferenceTrace_code.csv")]
    [InlineData("AzureLLMInferenceTrace_conv.csv")]
    public void Memory_lost_to_fragmentation_is_under_four_percent(string file)
    {
        Trace trace = TraceReader.Read(SharedData.Path("traces", "azure", file), limit: 1000);
        ReplayResult result = TraceReplay.Run(trace, new ReplayPolicy("defaults", new EngineOptions { QueueLimit = 10_000 }, 256 * 1024, 16_384), Costs, cancellation: TestContext.Current.CancellationToken);
        Assert.All(result.Requests, request => Assert.Null(request.Refusal));
        Assert.Equal(trace.OutputTokens, result.Requests.Sum(request => (long)request.OutputTokens));
        Assert.InRange(result.Fragmentation, 0.0001, 0.04);
    }

    [Fact]
    public void A_memory_that_holds_all_finds_as_much_as_an_endless_cache_and_a_small_one_less()
    {
        Trace trace = TraceReader.Read(SharedData.Path("traces", "mooncake", "conversation_trace.jsonl"), limit: 600);
        long endless = Cached(64 << 20);
        Assert.Equal(Reusable(), endless);
        Assert.InRange(Cached(1 << 20), 1, endless / 2);

        long Cached(long kvTokens) => Run(kvTokens, new PrefixCacheOptions()).Requests.Sum(request => (long)request.CachedTokens);

        long Reusable() => Run(64 << 20, new PrefixCacheOptions { Enabled = false }).Requests.Sum(request => (long)request.ReusableTokens);

        ReplayResult Run(long kvTokens, PrefixCacheOptions cache) =>
            TraceReplay.Run(trace, new ReplayPolicy("kv", new EngineOptions { MaxSequences = 64, MaxTokensPerStep = 4096, QueueLimit = 10_000, PrefixCache = cache }, kvTokens, 200_000), Costs, cancellation: TestContext.Current.CancellationToken);
    }
}
