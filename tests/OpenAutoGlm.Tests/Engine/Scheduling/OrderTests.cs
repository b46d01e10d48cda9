using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>Who comes first: priorities, tenants and deadlines, on an engine that is stepped by hand.</summary>
public class OrderTests
{
    static readonly EngineOptions Options = new() { MaxSequences = 2, CheckInvariants = true, Speculation = new() { Source = Speculation.GuessSource.None } };

    readonly List<Sequence> _all = [];
    readonly Dictionary<Sequence, int> _order = []; // the turn in which each had ended

    [Fact]
    public void The_more_urgent_runs_first_and_drives_out_the_less_urgent()
    {
        using InferenceEngine engine = Engine();
        Sequence[] patient = [.. Enumerable.Range(0, 2).Select(_ => Submit(engine, priority: 5))];
        engine.Turn();
        Sequence later = Submit(engine, priority: 5);
        Sequence urgent = Submit(engine, priority: -1);
        engine.Turn();
        Assert.Equal((1, 1), (urgent.GeneratedCount, engine.Statistics.Preemptions));
        Assert.Equal((1, 0), (patient[1].GeneratedCount, patient[1].Blocks.Count));
        Finish(engine);
        Assert.True(Ended(urgent) < Ended(patient[1]) && Ended(patient[1]) < Ended(later), "Equals keep their order.");
    }

    [Fact]
    public void A_tenant_with_few_requests_does_not_wait_behind_one_with_many()
    {
        using InferenceEngine engine = Engine();
        Sequence[] many = [.. Enumerable.Range(0, 12).Select(_ => Submit(engine, tenant: "many"))];
        Sequence[] few = [.. Enumerable.Range(0, 3).Select(_ => Submit(engine, tenant: "few"))];
        Finish(engine);

        // Each tenant has one of the two places, more or less, so three of the one end before half of the other.
        Assert.True(few.Max(Ended) < many.Select(Ended).Order().ElementAt(6), "The few were served last.");
    }

    [Fact]
    public void Two_tenants_that_both_ask_for_more_than_there_is_get_equal_shares()
    {
        using InferenceEngine engine = Engine(new EngineOptions { MaxSequences = 3, QueueLimit = 500, Speculation = Options.Speculation });
        Random random = new(1);
        List<Sequence> all = [];
        for (int i = 0; i < 120; i++)
        {
            // One sends long requests, the other four times as many short ones.
            all.Add(engine.Submit(new SequenceRequest { Prompt = Tokens(random, 20), MaxTokens = 20, Tenant = "long" }));
            all.AddRange(Enumerable.Range(0, 4).Select(_ => engine.Submit(new SequenceRequest { Prompt = Tokens(random, 5), MaxTokens = 5, Tenant = "short" })));
            if (all.Count > 450)
            {
                break;
            }
        }

        for (int turn = 0; turn < 600; turn++)
        {
            engine.Turn();
        }

        double longs = all.Where(sequence => sequence.Request.Tenant == "long").Sum(sequence => sequence.Computed + (2 * sequence.GeneratedCount));
        double shorts = all.Where(sequence => sequence.Request.Tenant == "short").Sum(sequence => sequence.Computed + (2 * sequence.GeneratedCount));
        Assert.InRange(longs / shorts, 0.85, 1.18);
    }

    [Fact]
    public void What_is_late_is_cancelled_whether_it_runs_or_waits()
    {
        Simulation.VirtualClock clock = new();
        FakeRunner runner = new(64, maxSequences: 1);
        using InferenceEngine engine = new(runner, Options with { MaxSequences = 1, TimeProvider = clock }, ownThread: false);
        Sequence[] sequences = [.. Enumerable.Range(0, 2).Select(_ => engine.Submit(new SequenceRequest { Prompt = [1], MaxTokens = 50, Timeout = TimeSpan.FromSeconds(1) }))];
        engine.Turn();
        clock.Advance(TimeSpan.FromSeconds(1.5));
        Assert.False(engine.Turn());
        Assert.All(sequences, sequence => Assert.Equal(CancellationReason.Deadline, sequence.Completion.Result.Cancellation));
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
    }

    [Fact]
    public void Requests_that_share_a_prompt_compute_it_once_though_they_come_together()
    {
        FakeRunner runner = new(256, maxSequences: 4, maxTokens: 16, context: 256);
        using InferenceEngine engine = new(runner, Options with { MaxSequences = 4 }, ownThread: false);
        int[] shared = [.. Enumerable.Range(0, 100).Select(i => i % 31)];
        for (int i = 0; i < 4; i++)
        {
            engine.Submit(new SequenceRequest { Prompt = [.. shared, i], MaxTokens = 2 });
        }

        Finish(engine);
        Assert.InRange(engine.Statistics.PrefilledTokens, 101, 101 + (3 * 5));
        Assert.Equal(300, engine.Statistics.CachedTokens);
    }

    [Fact]
    public void Samples_of_one_prompt_compute_it_once_and_part_at_the_first_token()
    {
        FakeRunner runner = new(256, maxSequences: 4, maxTokens: 16, context: 256);
        using InferenceEngine engine = new(runner, Options with { MaxSequences = 4, PrefixCache = new PrefixCacheOptions { Enabled = false } }, ownThread: false);
        SequenceRequest request = new() { Prompt = [.. Enumerable.Range(0, 101).Select(i => i % 31)], MaxTokens = 9 };
        Sequence[] samples = [.. engine.SubmitSamples([.. Enumerable.Range(0, 4).Select(i => request with { SampleIndex = i })])];
        Finish(engine);
        Assert.Equal(101, engine.Statistics.PrefilledTokens);
        int[] expected = runner.Expected(request.Prompt, 9);
        Assert.All(samples, sample => Assert.Equal(expected, sample.Tokens.Skip(101)));
    }

    [Fact]
    public void An_idle_engine_waits_for_its_window_or_until_it_is_full()
    {
        Simulation.VirtualClock clock = new();
        using InferenceEngine engine = new(new FakeRunner(64), Options with { TimeProvider = clock, BatchWindow = TimeSpan.FromMilliseconds(50) }, ownThread: false);
        Sequence first = Submit(engine);
        Assert.False(engine.Turn());
        Assert.Equal(TimeSpan.FromMilliseconds(50), engine.NextTurn);
        clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.True(engine.Turn());
        Finish(engine);
        Submit(engine);
        Assert.False(engine.Turn());
        for (int i = 0; i < 3; i++)
        {
            Submit(engine);
        }

        Assert.True(engine.Turn());
        Assert.True(first.HasEnded);
    }

    static InferenceEngine Engine(EngineOptions? options = null) => new(new FakeRunner(64, maxSequences: (options ?? Options).MaxSequences), options ?? Options, ownThread: false);

    static System.Collections.Immutable.ImmutableArray<int> Tokens(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(32))];

    Sequence Submit(InferenceEngine engine, int priority = 0, string? tenant = null)
    {
        Sequence sequence = engine.Submit(new SequenceRequest { Prompt = [1, 2, 3], MaxTokens = 6, Priority = priority, Tenant = tenant });
        _all.Add(sequence);
        return sequence;
    }

    int Ended(Sequence sequence) => _order[sequence];

    void Finish(InferenceEngine engine)
    {
        for (int turn = 0; engine.Turn(); turn++)
        {
            foreach (Sequence sequence in _all.Where(sequence => sequence.HasEnded && !_order.ContainsKey(sequence)))
            {
                _order.Add(sequence, turn);
            }
        }
    }
}
