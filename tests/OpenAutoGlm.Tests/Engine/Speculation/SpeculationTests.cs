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
        Assert.Equal(new EarlierPlace(4, 4), new NgramIndex().Find(tokens)); // behind 1 2 3 4, not behind 9 2 3 4
        Assert.Equal(new EarlierPlace(3, 2), new NgramIndex().Find([8, 1, 2, 6, 1, 2]));
        Assert.Equal(new EarlierPlace(3, 1), new NgramIndex().Find([1, 5, 2, 4, 6, 2]));
        Assert.Equal(default, new NgramIndex().Find([1, 2, 3, 4, 5]));
        Assert.Equal(default, new NgramIndex().Find([1]));
        NgramIndex grown = new();
        for (int length = 1; length <= tokens.Length; length++)
        {
            Assert.Equal(new NgramIndex().Find(tokens.AsSpan(0, length)), grown.Find(tokens.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Guessing_stops_where_guesses_are_wrong_and_goes_far_where_they_are_right()
    {
        StepTimes times = new();
        for (int tokens = 1; tokens <= 64; tokens *= 2)
        {
            times.Add(tokens, 0.03 + (0.002 * tokens));
        }

        Guessing right = new();
        Guessing wrong = new();
        for (int i = 0; i < 40; i++)
        {
            right.Checked(Reason.Good, 4, 4);
            wrong.Checked(Reason.Good, 4, 0);
        }

        Assert.Equal(12, right.Worth(Reason.Good, 12, 1, times, 0));
        Assert.Equal(0, wrong.Worth(Reason.Good, 12, 1, times, 0));
        Assert.Equal(0, right.Worth(Reason.Good, 12, 1, times, secondsPerGuess: 1));
        Assert.True(wrong.Worth(Reason.Strong, 12, 1, times, 0) > 0, "Weaker reasons that misled say nothing about stronger ones.");
        for (int i = 0; i < 3000; i++)
        {
            wrong.Skipped(Reason.Good);
        }

        Assert.True(wrong.Worth(Reason.Good, 12, 1, times, 0) > 0, "What was wrong once is never tried again.");
    }

    static EngineOptions Options(GuessSource source) => new()
    {
        CheckInvariants = true,
        Speculation = new SpeculationOptions { Source = source, IsAdaptive = false, MaxGuesses = 5 },
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
