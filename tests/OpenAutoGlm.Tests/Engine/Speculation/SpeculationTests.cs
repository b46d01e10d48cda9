using System.Collections.Immutable;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Scheduling;

namespace OpenAutoGlm.Engine.Speculation;

public class SpeculationTests
{
    static readonly TinyModel Model = new();

    // A prompt that says everything three times, and three tokens to say: so guesses come true now and then.
    static readonly ImmutableArray<int> Prompt = [.. Enumerable.Repeat(new[] { 3, 14, 15, 9, 26, 5 }, 3).SelectMany(tokens => tokens)];

    public static TheoryData<float> Temperatures => [0f, 0.7f, 1.5f];

    [Theory]
    [MemberData(nameof(Temperatures))]
    public void Looked_up_guesses_change_no_token(float temperature)
    {
        using InferenceEngine plain = Model.Engine(Options(GuessSource.None));
        using InferenceEngine guessing = Model.Engine(Options(GuessSource.Lookup));
        for (ulong seed = 0; seed < 5; seed++)
        {
            Assert.Equal(plain.Generate(Request(temperature, seed)), guessing.Generate(Request(temperature, seed)));
        }

        Assert.True(guessing.Statistics.GuessedRightTokens > 0, "No guess was right.");
        Assert.True(guessing.Statistics.Steps < plain.Statistics.Steps, "No step was saved.");
    }

    [Fact]
    public void An_answer_that_was_given_before_is_given_again_in_fewer_steps_unless_the_salt_is_another()
    {
        EngineOptions options = Options(GuessSource.Lookup);
        using InferenceEngine forgets = Model.Engine(options);
        using InferenceEngine remembers = Model.Engine(options with { Speculation = options.Speculation with { RememberedTokens = 4096 } });
        SequenceRequest request = Request(1.5f, 7) with { CacheSalt = "one" };
        int[] answer = [.. forgets.Generate(request)];
        long Steps(InferenceEngine engine, SequenceRequest asked)
        {
            long before = engine.Statistics.Steps;
            Assert.Equal(answer, engine.Generate(asked));
            return engine.Statistics.Steps - before;
        }

        long alone = Steps(forgets, request);
        long first = Steps(remembers, request);
        long stranger = Steps(remembers, request with { CacheSalt = "two" });
        long nobody = Steps(remembers, request with { CacheSalt = null });
        long again = Steps(remembers, request);
        Assert.True(first >= alone && stranger >= alone && nobody >= alone, $"{alone} steps alone, {first}, {stranger}, {nobody} with answers that must not be seen.");
        Assert.True(again < alone / 2, $"{again} steps where the same was answered before, {alone} where not.");
    }

    [Theory]
    [MemberData(nameof(Temperatures))]
    public void A_model_that_guesses_changes_no_token(float temperature)
    {
        using InferenceEngine plain = Model.Engine(Options(GuessSource.None));
        DraftSource itself = new(Model.Config, Model, new Graph.ReferenceInterpreter());
        using InferenceEngine guessing = new(Model.Config, Model, new Graph.ReferenceInterpreter(), Options(GuessSource.DraftModel), itself);
        for (ulong seed = 0; seed < 5; seed++)
        {
            // Without a bias, of which the model that guesses knows nothing.
            SequenceRequest request = Request(temperature, seed);
            request = request with { Sampling = request.Sampling with { LogitBias = ImmutableDictionary<int, float>.Empty } };
            Assert.Equal(plain.Generate(request), guessing.Generate(request));
        }

        EngineStatistics statistics = guessing.Statistics;
        Assert.True(temperature > 0 || statistics.GuessedRightTokens == statistics.GuessedTokens, "A model that guesses for itself is always right.");
        Assert.True(statistics.GuessedRightTokens > 0, "No guess was right.");
    }

    [Fact]
    public void A_model_that_guesses_must_know_the_same_tokens()
    {
        TinyModel other = new(vocab: 47);
        DraftSource source = new(other.Config, other, new Graph.ReferenceInterpreter());
        ArgumentException error = Assert.Throws<ArgumentException>(() => new InferenceEngine(Model.Config, Model, new Graph.ReferenceInterpreter(), Options(GuessSource.DraftModel), source));
        Assert.Contains("47", error.Message, StringComparison.Ordinal);
        Assert.Contains("48", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_fails_to_guess_harms_nobody()
    {
        FakeRunner draft = new(64) { Fails = _ => true };
        FakeRunner runner = new(64);
        using InferenceEngine engine = new(runner, Options(GuessSource.DraftModel) with { MaxSequences = 4 }, ownThread: false, draft);
        Sequence sequence = engine.Submit(new SequenceRequest { Prompt = [1, 2, 3], MaxTokens = 10 });
        while (engine.Turn())
        {
        }

        Assert.Equal(runner.Expected([1, 2, 3], 10), sequence.Tokens.Skip(3));
    }

    [Fact]
    public void The_longest_earlier_agreement_is_found_and_the_latest_among_equals()
    {
        int[] tokens = [1, 2, 3, 4, 9, 2, 3, 4, 5, 7, 1, 2, 3, 4];
        Assert.Equal(new EarlierPlace(4, 4), Find(new NgramIndex(), tokens)); // behind 1 2 3 4, not behind 9 2 3 4
        Assert.Equal(new EarlierPlace(3, 2), Find(new NgramIndex(), [8, 1, 2, 6, 1, 2]));
        Assert.Equal(new EarlierPlace(3, 1), Find(new NgramIndex(), [1, 5, 2, 4, 6, 2]));
        Assert.Equal(default, Find(new NgramIndex(), [1, 2, 3, 4, 5]));
        Assert.Equal(default, Find(new NgramIndex(), [1]));
        NgramIndex grown = new();
        for (int length = 1; length <= tokens.Length; length++)
        {
            Assert.Equal(Find(new NgramIndex(), tokens.AsSpan(0, length)), Find(grown, tokens.AsSpan(0, length)));
        }

        static EarlierPlace Find(NgramIndex index, ReadOnlySpan<int> text)
        {
            index.Enter(text);
            return index.Find(text, text);
        }
    }

    [Fact]
    public void Guessing_stops_where_guesses_are_wrong_and_goes_far_where_they_are_right()
    {
        StepTimes times = Times();
        Guessing right = new();
        Guessing wrong = new();
        Evidence good = new(GuessOrigin.Text, 3);
        for (int i = 0; i < 40; i++)
        {
            right.Checked(good, 4, 4);
            wrong.Checked(good, 4, 0);
        }

        Assert.Equal(12, right.Worth(good, 12, 1, times, 0));
        Assert.Equal(0, wrong.Worth(good, 12, 1, times, 0));
        Assert.Equal(0, right.Worth(good, 12, 1, times, secondsPerGuess: 1));
        Assert.True(wrong.Worth(new Evidence(GuessOrigin.Text, 6), 12, 1, times, 0) > 0, "Weaker evidence that misled says nothing about stronger.");
        Assert.True(wrong.Worth(new Evidence(GuessOrigin.Answers, 3), 12, 1, times, 0) > 0, "A text that misled says nothing about answers.");
        for (int i = 0; i < 3000; i++)
        {
            wrong.Skipped(good);
        }

        Assert.True(wrong.Worth(good, 12, 1, times, 0) > 0, "What was wrong once is never tried again.");
    }

    [Fact]
    public void A_right_guess_is_evidence_for_the_next()
    {
        // Where one token agrees the first guess is rarely right, but where it is the others follow.
        Guessing guessing = new();
        Evidence weak = new(GuessOrigin.Text, 1);
        for (int i = 0; i < 200; i++)
        {
            guessing.Checked(weak, 8, i % 3 == 0 ? 8 : 0);
        }

        Assert.True(guessing.Worth(weak, 8, 1, Times(), 0) > 4, "A long run that comes true or does not is not worth running.");
        Guessing single = new();
        for (int i = 0; i < 200; i++)
        {
            single.Checked(weak, 8, i % 3 == 0 ? 1 : 0);
        }

        Assert.Equal(1, single.Worth(weak, 8, 1, Times(), 0));
    }

    static StepTimes Times()
    {
        StepTimes times = new();
        for (int tokens = 1; tokens <= 64; tokens *= 2)
        {
            times.Add(tokens, 0.03 + (0.002 * tokens));
        }

        return times;
    }

    static EngineOptions Options(GuessSource source) => new()
    {
        CheckInvariants = true,
        Speculation = new SpeculationOptions { Source = source, IsAdaptive = false, MaxGuesses = 5, RememberedTokens = 0 },
    };

    static SequenceRequest Request(float temperature, ulong seed) => new()
    {
        Prompt = Prompt,
        MaxTokens = 60,
        Sampling = new SamplingOptions
        {
            Temperature = temperature,
            Seed = seed,
            LogitBias = new[] { 3, 14, 15 }.ToImmutableDictionary(token => token, _ => 30f),
        },
    };
}
