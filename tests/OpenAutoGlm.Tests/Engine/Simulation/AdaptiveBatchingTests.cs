using System.Collections.Immutable;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Engine.Simulation.Replay;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Engine.Simulation;

/// <summary>The latency target while the rate of arrivals doubles and halves, beside steps of fixed sizes on the same traffic.</summary>
public class AdaptiveBatchingTests
{
    static readonly TimeSpan Target = TimeSpan.FromMilliseconds(150);

    // About a model of 1 B parameters in Q8_0 on two cores.
    static readonly StepCosts Costs = new() { Step = 0.0005, Floor = 0.04, Token = 0.0035, Sequence = 0.0003, Context = 5e-10 };

    [Fact]
    public void The_target_holds_within_a_tenth_and_more_is_served_well_than_with_any_fixed_size()
    {
        Trace trace = Doubling();
        ReplayResult adaptive = Play(trace, new EngineOptions { Latency = new LatencyTargets { TimePerToken = Target } });
        double p99 = TimesPerToken(adaptive)[(int)(0.99 * TimesPerToken(adaptive).Length)];
        Assert.InRange(p99, 0.9 * Target.TotalSeconds, 1.1 * Target.TotalSeconds);
        foreach (int tokens in new[] { 16, 32, 48, 64, 128, 512 })
        {
            ReplayResult fixedSize = Play(trace, new EngineOptions { MaxTokensPerStep = tokens });
            Assert.True(Good(adaptive) > Good(fixedSize), $"Of {trace.Requests.Length} requests {Good(adaptive)} were served well, and {Good(fixedSize)} with steps of {tokens}.");
        }
    }

    static int Good(ReplayResult result) =>
        result.Requests.Count(request => request.TimePerOutputToken is not { } time || (time <= Target && request.TimeToFirstToken <= TimeSpan.FromSeconds(26)));

    static double[] TimesPerToken(ReplayResult result) =>
        [.. result.Requests.Where(request => request.TimePerOutputToken is not null).Select(request => request.TimePerOutputToken!.Value.TotalSeconds).Order()];

    static ReplayResult Play(Trace trace, EngineOptions options) => TraceReplay.Run(
        trace,
        new ReplayPolicy("policy", options with { MaxSequences = 16, Speculation = new SpeculationOptions { Source = GuessSource.None } }, 65_536, 8192),
        Costs,
        cancellation: TestContext.Current.CancellationToken);

    /// <summary>Five spans of 400 seconds with a request every four and every two seconds in turn, at random.</summary>
    static Trace Doubling()
    {
        Random random = new(3);
        List<TraceRequest> requests = [];
        for (int span = 0; span < 5; span++)
        {
            double rate = span % 2 == 0 ? 0.25 : 0.5;
            for (double at = Gap(rate); at < 400; at += Gap(rate))
            {
                requests.Add(new TraceRequest(TimeSpan.FromSeconds((400 * span) + at), Length(5.8, 0.7, 3000), Length(4.6, 0.6, 400), []));
            }
        }

        return new Trace("doubling", TraceFormat.Azure, 0, [.. requests]);

        double Gap(double rate) => -Math.Log(1 - random.NextDouble()) / rate;

        int Length(double mean, double deviation, int most)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            return Math.Clamp((int)Math.Exp(mean + (deviation * normal)), 8, most);
        }
    }
}
