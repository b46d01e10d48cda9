using System.Collections.Immutable;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Engine;

/// <summary>How sequences and engines begin and end, with the engine's own thread unless a test says otherwise.</summary>
public class LifeTests
{
    static readonly ImmutableArray<int> Prompt = [1, 2, 3];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_sequence_ends_with_a_count_and_its_times()
    {
        using InferenceEngine engine = Threaded(new FakeRunner(16));
        Sequence sequence = engine.Submit(new SequenceRequest { Prompt = Prompt, MaxTokens = 7 });
        SequenceOutcome outcome = await sequence.Completion.WaitAsync(Cancellation);
        Assert.Equal((FinishReason.Length, new TokenUsage(3, 7)), (outcome.Reason, outcome.Usage));
        Assert.Equal(6, outcome.Timings.DecodedTokens);
        Assert.True(outcome.Timings.TimeToFirstToken >= outcome.Timings.Queue);
    }

    [Fact]
    public void A_stop_token_is_the_last_event_and_is_counted()
    {
        FakeRunner runner = new(16);
        int[] expected = runner.Expected(Prompt, 10);
        int stop = expected[4];
        using InferenceEngine engine = Threaded(runner);
        ImmutableArray<int> tokens = engine.Generate(new SequenceRequest { Prompt = Prompt, StopTokens = [stop] });
        Assert.Equal(expected[..(Array.IndexOf(expected, stop) + 1)], tokens);
    }

    [Fact]
    public async Task Without_a_limit_a_sequence_fills_the_context()
    {
        using InferenceEngine engine = Threaded(new FakeRunner(16, context: 20));
        SequenceOutcome outcome = await engine.Submit(new SequenceRequest { Prompt = Prompt }).Completion.WaitAsync(Cancellation);
        Assert.Equal((FinishReason.Length, 17), (outcome.Reason, outcome.Usage.CompletionTokens));
    }

    [Fact]
    public async Task Without_a_limit_a_sequence_fills_the_memory_where_that_holds_less_than_the_context()
    {
        using InferenceEngine engine = Threaded(new FakeRunner(blockCount: 3, blockTokens: 4, context: 60));
        SequenceOutcome outcome = await engine.Submit(new SequenceRequest { Prompt = Prompt }).Completion.WaitAsync(Cancellation);
        Assert.Equal((FinishReason.Length, 12 + 1 - 3), (outcome.Reason, outcome.Usage.CompletionTokens));
    }

    [Theory]
    [InlineData(20, null, RefusalReason.PromptTooLong, 20.0, 20.0)]
    [InlineData(19, 2, RefusalReason.ContextExceeded, 21.0, 20.0)]
    [InlineData(4, 0, RefusalReason.InvalidParameter, 0.0, 1.0)]
    [InlineData(4, -3, RefusalReason.InvalidParameter, -3.0, 1.0)]
    [InlineData(4, int.MaxValue, RefusalReason.ContextExceeded, 2147483651.0, 20.0)]
    [InlineData(0, null, RefusalReason.PromptEmpty, 0.0, 1.0)]
    public void What_never_fits_the_context_is_refused_with_its_numbers(int prompt, int? maxTokens, RefusalReason reason, double value, double limit)
    {
        using InferenceEngine engine = Stepped(new FakeRunner(16, context: 20));
        RequestRefusedException refusal = Refused(engine, new SequenceRequest { Prompt = [.. new int[prompt]], MaxTokens = maxTokens });
        Assert.Equal((reason, value, limit), (refusal.Reason, refusal.Value, refusal.Limit));
        Assert.Equal(1, engine.Statistics.Refused);
    }

    [Fact]
    public void What_never_fits_the_memory_is_refused_with_its_numbers()
    {
        using InferenceEngine engine = Stepped(new FakeRunner(blockCount: 3, blockTokens: 4, context: 60));
        RequestRefusedException prompt = Refused(engine, new SequenceRequest { Prompt = [.. new int[13]] });
        Assert.Equal((RefusalReason.KvMemoryExceeded, 14.0, 13.0), (prompt.Reason, prompt.Value, prompt.Limit));
        RequestRefusedException answer = Refused(engine, new SequenceRequest { Prompt = Prompt, MaxTokens = 11 });
        Assert.Equal((RefusalReason.KvMemoryExceeded, 14.0, 13.0), (answer.Reason, answer.Value, answer.Limit));
        engine.Submit(new SequenceRequest { Prompt = Prompt, MaxTokens = 10 });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(32)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void Tokens_that_the_vocabulary_lacks_are_refused_wherever_they_stand(int token)
    {
        using InferenceEngine engine = Stepped(new FakeRunner(16));
        Assert.Equal(("prompt", (double)token), Fault(new SequenceRequest { Prompt = [1, token] }));
        Assert.Equal("stop_token_ids", Fault(new SequenceRequest { Prompt = Prompt, StopTokens = [token] }).Parameter);
        SequenceRequest biased = new() { Prompt = Prompt, Sampling = new() { LogitBias = ImmutableDictionary<int, float>.Empty.Add(token, 1) } };
        Assert.Equal("logit_bias", Fault(biased).Parameter);

        (string? Parameter, double? Value) Fault(SequenceRequest request)
        {
            RequestRefusedException refusal = Refused(engine, request);
            return (refusal.Parameter, refusal.Value);
        }
    }

    [Fact]
    public void A_full_queue_refuses_and_takes_more_once_somebody_has_left()
    {
        using InferenceEngine engine = Stepped(new FakeRunner(16, maxSequences: 1), new EngineOptions { MaxSequences = 1, QueueLimit = 1 });
        SequenceRequest request = new() { Prompt = Prompt, MaxTokens = 2 };
        engine.Submit(request);
        engine.Submit(request);
        RequestRefusedException refusal = Refused(engine, request);
        Assert.Equal((RefusalReason.QueueFull, 3.0, 2.0), (refusal.Reason, refusal.Value, refusal.Limit));
        engine.Turn();
        engine.Turn();
        engine.Submit(request);
    }

    [Fact]
    public async Task Cancelling_frees_the_blocks_and_a_second_time_does_nothing()
    {
        FakeRunner runner = new(16);
        using InferenceEngine engine = Stepped(runner);
        Sequence running = engine.Submit(new SequenceRequest { Prompt = Prompt });
        engine.Turn();
        Sequence waiting = engine.Submit(new SequenceRequest { Prompt = Prompt });
        Assert.NotEqual(0, runner.Pool.UsedCount);
        foreach (Sequence sequence in new[] { running, running, waiting, waiting })
        {
            sequence.Cancel();
        }

        Assert.False(engine.Turn());
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
        Assert.Equal((FinishReason.Cancelled, CancellationReason.Caller), Reason(await running.Completion));
        Assert.Equal((FinishReason.Cancelled, CancellationReason.Caller), Reason(await waiting.Completion));
        Assert.Equal(2, engine.Statistics.Cancelled);
        running.Cancel();
        Assert.False(engine.Turn());
        Assert.Equal(2, engine.Statistics.Cancelled);
    }

    [Fact]
    public async Task Cancelling_while_finishing_ends_once()
    {
        using InferenceEngine engine = Threaded(new FakeRunner(64, maxSequences: 8));
        for (int round = 0; round < 200; round++)
        {
            Sequence sequence = engine.Submit(new SequenceRequest { Prompt = Prompt, MaxTokens = 3 });
            Task[] cancels = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(sequence.Cancel, Cancellation))];
            SequenceOutcome outcome = await sequence.Completion.WaitAsync(Cancellation);
            await Task.WhenAll(cancels);
            Assert.Contains(outcome.Reason, new[] { FinishReason.Length, FinishReason.Cancelled });
        }

        EngineStatistics statistics = engine.Statistics;
        Assert.Equal(200, statistics.Finished + statistics.Cancelled);
        Assert.Equal(0, statistics.UsedKvBlocks);
    }

    [Fact]
    public async Task A_slow_reader_loses_its_sequence_and_nobody_else_waits()
    {
        using InferenceEngine engine = Threaded(new FakeRunner(64), new EngineOptions { EventBuffer = 5 });
        Sequence slow = engine.Submit(new SequenceRequest { Prompt = Prompt });
        SequenceOutcome outcome = await slow.Completion.WaitAsync(Cancellation);
        Assert.Equal((FinishReason.Cancelled, CancellationReason.SlowReader), Reason(outcome));
        Assert.Equal(5, engine.Generate(new SequenceRequest { Prompt = Prompt, MaxTokens = 5 }).Length);
        for (int i = 0; i < 5; i++)
        {
            Assert.True(slow.Events.TryRead(out _));
        }

        SequenceCancelledException error = await Assert.ThrowsAsync<SequenceCancelledException>(async () => await slow.Events.WaitToReadAsync(Cancellation));
        Assert.Equal(CancellationReason.SlowReader, error.Reason);
    }

    [Fact]
    public async Task A_failing_step_ends_its_own_sequences_and_no_other()
    {
        FakeRunner runner = new(64, maxSequences: 2);
        using InferenceEngine engine = Stepped(runner, new EngineOptions { MaxSequences = 2 });
        Sequence[] sequences = [.. Enumerable.Range(0, 3).Select(i => engine.Submit(new SequenceRequest { Prompt = [i, i], MaxTokens = 4 }))];
        engine.Turn();
        runner.Fails = _ => true;
        engine.Turn();
        runner.Fails = _ => false;
        while (engine.Turn())
        {
        }

        Assert.Equal([FinishReason.Failed, FinishReason.Failed, FinishReason.Length], await Reasons(sequences));
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
        Assert.True(sequences[0].Events.TryRead(out _));
        SequenceFailedException error = await Assert.ThrowsAsync<SequenceFailedException>(async () => await sequences[0].Events.WaitToReadAsync(Cancellation));
        Assert.Contains("The kernel failed.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logits_that_are_no_numbers_end_one_sequence_with_an_error()
    {
        FakeRunner runner = new(64) { IsPoisoned = sequence => sequence.Id == 2 };
        using InferenceEngine engine = Stepped(runner);
        Sequence[] sequences = [.. Enumerable.Range(0, 3).Select(i => engine.Submit(new SequenceRequest { Prompt = [i], MaxTokens = 3 }))];
        while (engine.Turn())
        {
        }

        Assert.Equal([FinishReason.Length, FinishReason.Failed, FinishReason.Length], await Reasons(sequences));
        Assert.Contains("NaN", (await sequences[1].Completion).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposing_cancels_what_runs_and_what_waits_and_refuses_the_rest()
    {
        TinyModel model = new();
        InferenceEngine engine = model.Engine(new EngineOptions { MaxSequences = 2 });
        Sequence[] sequences = [.. Enumerable.Range(0, 6).Select(_ => engine.Submit(new SequenceRequest { Prompt = Prompt, MaxTokens = 200 }))];
        await sequences[0].Events.ReadAsync(Cancellation);
        engine.Dispose();
        engine.Dispose();
        foreach (Sequence sequence in sequences)
        {
            Assert.True(sequence.Completion.IsCompleted);
            Assert.Equal((FinishReason.Cancelled, CancellationReason.EngineStopped), Reason(await sequence.Completion));
            sequence.Cancel();
        }

        Assert.Equal(RefusalReason.ShuttingDown, Refused(engine, new SequenceRequest { Prompt = Prompt }).Reason);
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
    }

    [Fact]
    public async Task Draining_lets_what_was_accepted_finish_and_refuses_the_rest()
    {
        using InferenceEngine engine = Threaded(new FakeRunner(64));
        Sequence sequence = engine.Submit(new SequenceRequest { Prompt = Prompt, MaxTokens = 30 });
        Task drained = engine.DrainAsync();
        Assert.Equal(RefusalReason.ShuttingDown, Refused(engine, new SequenceRequest { Prompt = Prompt }).Reason);
        await drained.WaitAsync(Cancellation);
        Assert.Equal(FinishReason.Length, (await sequence.Completion).Reason);
        await engine.DrainAsync();
    }

    [Fact]
    public async Task A_fault_of_the_engine_leaves_nobody_waiting()
    {
        FakeRunner runner = new(64);
        using InferenceEngine engine = Threaded(runner, new EngineOptions { TimeProvider = new BrokenClock(callsBefore: 40) });
        Sequence sequence = engine.Submit(new SequenceRequest { Prompt = Prompt });
        SequenceOutcome outcome = await sequence.Completion.WaitAsync(Cancellation);
        Assert.Equal(FinishReason.Failed, outcome.Reason);
        Assert.Equal(RefusalReason.ShuttingDown, Refused(engine, new SequenceRequest { Prompt = Prompt }).Reason);
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name()
    {
        TinyModel model = new();
        Assert.Equal("MaxSequences", Refused(new EngineOptions { MaxSequences = 0 }));
        Assert.Equal("MaxTokensPerStep", Refused(new EngineOptions { MaxTokensPerStep = 0 }));
        Assert.Equal("BlockTokens", Refused(new EngineOptions { BlockTokens = -1 }));
        Assert.Equal("BlockTokens", Refused(new EngineOptions { BlockTokens = 24 }));
        Assert.Equal("KvFormat", Refused(new EngineOptions { KvFormat = TensorFormat.Q4_0 }));
        Assert.Equal("QueueLimit", Refused(new EngineOptions { QueueLimit = -1 }));
        Assert.Equal("EventBuffer", Refused(new EngineOptions { EventBuffer = 0 }));
        Assert.Equal("ContextLength", Refused(new EngineOptions { ContextLength = 257 }));
        Assert.Equal("KvMemoryBytes", Refused(new EngineOptions { KvMemoryBytes = 100 }));

        string? Refused(EngineOptions options) => Assert.Throws<ArgumentOutOfRangeException>(() => model.Engine(options)).ParamName;
    }

    [Fact]
    public void Memory_is_what_was_given_and_bounds_the_context_where_nobody_set_one()
    {
        TinyModel model = new();
        long block = 32 * model.Config.KvBytesPerToken(TensorFormat.BF16);
        using InferenceEngine engine = model.Engine(new EngineOptions { KvMemoryBytes = (3 * block) + 5 });
        Assert.Equal((3 * block, 96, 3), (engine.KvBytes, engine.ContextLength, engine.Statistics.TotalKvBlocks));
        using InferenceEngine keeping = model.Engine(new EngineOptions { MaxSequences = 1, KvMemoryBytes = 40 * block });
        Assert.Equal(40, keeping.Statistics.TotalKvBlocks);
        using InferenceEngine forgetting = model.Engine(new EngineOptions { MaxSequences = 1, KvMemoryBytes = 40 * block, PrefixCache = new PrefixCacheOptions { Enabled = false } });
        Assert.Equal(8, forgetting.Statistics.TotalKvBlocks);
        using InferenceEngine roomy = model.Engine(new EngineOptions { MaxSequences = 2 });
        Assert.Equal((2 * 8 * block, 256), (roomy.KvBytes, roomy.ContextLength));
    }

    [Fact]
    public void Steady_decoding_allocates_nothing()
    {
        // Without guesses, of which a machine's moods decide how many there are, and so when buffers double.
        using InferenceEngine engine = new(new ConstantRunner(), new EngineOptions { MaxSequences = 4, Speculation = new() { Source = GuessSource.None } }, ownThread: false);
        for (int i = 0; i < 4; i++)
        {
            engine.Submit(new SequenceRequest { Prompt = [i], Sampling = new() { Temperature = i, TopP = 0.9f, FrequencyPenalty = 0.1f * i } });
        }

        Turn(engine, 140); // past the doubling of every buffer at 128
        long before = GC.GetAllocatedBytesForCurrentThread();
        Turn(engine, 100);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(960, engine.Statistics.GeneratedTokens);

        using InferenceEngine guessing = new(new ConstantRunner(), new EngineOptions { MaxSequences = 4, Speculation = new() { IsAdaptive = false } }, ownThread: false);
        for (int i = 0; i < 4; i++)
        {
            guessing.Submit(new SequenceRequest { Prompt = [i], Sampling = new() { Temperature = i, TopP = 0.9f, FrequencyPenalty = 0.1f * i } });
        }

        Turn(guessing, 20);
        int growths = 0;
        for (int i = 0; i < 100; i++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            Turn(guessing, 1);
            growths += GC.GetAllocatedBytesForCurrentThread() > before ? 1 : 0;
        }

        Assert.True(guessing.Statistics.GuessedTokens > 0 && growths <= 25, $"{growths} of 100 steps with {guessing.Statistics.GuessedTokens} guesses allocated, and not only where buffers double.");

        static void Turn(InferenceEngine engine, int times)
        {
            for (int i = 0; i < times; i++)
            {
                engine.Turn();
            }
        }
    }

    static InferenceEngine Threaded(FakeRunner runner, EngineOptions? options = null) =>
        new(runner, (options ?? new EngineOptions { MaxSequences = 4 }) with { CheckInvariants = true }, ownThread: true);

    static InferenceEngine Stepped(FakeRunner runner, EngineOptions? options = null) =>
        new(runner, (options ?? new EngineOptions { MaxSequences = 4 }) with { CheckInvariants = true }, ownThread: false);

    static RequestRefusedException Refused(InferenceEngine engine, SequenceRequest request) =>
        Assert.Throws<RequestRefusedException>(() => engine.Submit(request));

    static (FinishReason Reason, CancellationReason Cancellation) Reason(SequenceOutcome outcome) => (outcome.Reason, outcome.Cancellation);

    static async Task<FinishReason[]> Reasons(Sequence[] sequences) =>
        [.. (await Task.WhenAll(sequences.Select(sequence => sequence.Completion))).Select(outcome => outcome.Reason)];

    /// <summary>Works for so many calls and then throws once, which is no fault of any sequence.</summary>
    sealed class BrokenClock(int callsBefore) : TimeProvider
    {
        int _calls;

        public override long GetTimestamp() =>
            Interlocked.Increment(ref _calls) == callsBefore ? throw new InvalidOperationException("The clock stopped.") : base.GetTimestamp();
    }

    sealed class ConstantRunner : IModelRunner
    {
        readonly float[] _logits = [0.1f, 0.2f, 0.3f, 0.4f];

        public EngineLimits Limits { get; } = new(4, 1000, 4, 1000, 4, 16);

        public KvPool Pool { get; } = new(1000, 4, []);

        public void Run(Batch batch)
        {
        }

        public ReadOnlySpan<float> Logits(int output) => _logits;

        public string PrintPlan() => "constant";

        public void Dispose() => Pool.Dispose();
    }
}
