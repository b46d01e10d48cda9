using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Beams;

public class BeamSearchTests
{
    static readonly TinyModel Model = new();
    static readonly ImmutableArray<int> Prompt = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 32, 38];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_beam_as_wide_as_the_vocabulary_finds_the_most_likely_pair_of_all()
    {
        using InferenceEngine engine = Model.Engine(new EngineOptions { MaxSequences = 48 });
        double[] first = LogProbabilities(engine, Prompt);
        (int First, int Second, double Sum)[] pairs = [.. Enumerable.Range(0, 48)
            .SelectMany(a => LogProbabilities(engine, [.. Prompt, a]).Select((logprob, b) => (a, b, first[a] + logprob)))
            .OrderByDescending(pair => pair.Item3)];
        BeamSearch search = engine.SubmitBeams(new SequenceRequest { Prompt = Prompt, MaxTokens = 2 }, new BeamOptions { Width = 48, Results = 5 });
        ImmutableArray<BeamResult> found = await search.Completion.WaitAsync(Cancellation);
        Assert.Equal(pairs.Take(5).Select(pair => (pair.First, pair.Second)), found.Select(result => (result.Tokens[0], result.Tokens[1])));
        Assert.Equal(pairs[0].Sum, found[0].LogProbability, 1e-3);
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public async Task A_beam_finds_the_same_alone_crowded_in_chunks_and_short_of_memory(int width)
    {
        SequenceRequest request = new() { Prompt = Prompt, MaxTokens = 20, StopTokens = [7] };
        BeamOptions options = new() { Width = width, Results = 2 };
        using InferenceEngine alone = Model.Engine();
        ImmutableArray<BeamResult> expected = await alone.SubmitBeams(request, options).Completion.WaitAsync(Cancellation);
        EngineOptions tight = new()
        {
            MaxSequences = 6,
            MaxTokensPerStep = 5,
            BlockTokens = 16,
            ContextLength = 48,
            KvMemoryBytes = 7 * 16 * Model.Config.KvBytesPerToken(OpenAutoGlm.Graph.Formats.TensorFormat.BF16),
        };
        using InferenceEngine crowded = Model.Engine(tight);
        Sequence[] others = [.. Enumerable.Range(0, 4).Select(i => crowded.Submit(new SequenceRequest { Prompt = [1, 2, i], MaxTokens = 30 }))];
        ImmutableArray<BeamResult> found = await crowded.SubmitBeams(request, options).Completion.WaitAsync(Cancellation);
        Assert.Equal(expected.Select(result => string.Join(' ', result.Tokens)), found.Select(result => string.Join(' ', result.Tokens)));
        Assert.Equal(expected.Select(result => result.LogProbability), found.Select(result => result.LogProbability));
        await Task.WhenAll(others.Select(other => other.Completion));
    }

    [Fact]
    public async Task A_longer_search_is_at_least_as_likely_as_the_greedy_answer_here()
    {
        using InferenceEngine engine = Model.Engine();
        SequenceRequest request = new() { Prompt = Prompt, MaxTokens = 12 };
        ImmutableArray<int> greedy = engine.Generate(request);
        BeamResult best = (await engine.SubmitBeams(request, new BeamOptions { Width = 8 }).Completion.WaitAsync(Cancellation))[0];
        double sum = Enumerable.Range(0, greedy.Length).Sum(i => LogProbabilities(engine, [.. Prompt, .. greedy.Take(i)])[greedy[i]]);
        Assert.True(best.LogProbability >= sum - 1e-3, $"{best.LogProbability} < {sum}");
    }

    [Fact]
    public async Task Cancelling_ends_all_branches()
    {
        using InferenceEngine engine = Model.Engine();
        BeamSearch search = engine.SubmitBeams(new SequenceRequest { Prompt = Prompt }, new BeamOptions { Width = 4 });
        search.Cancel();
        await Assert.ThrowsAsync<SequenceCancelledException>(() => search.Completion.WaitAsync(Cancellation));
        await engine.DrainAsync().WaitAsync(Cancellation);
        Assert.Equal(4, engine.Statistics.Cancelled);
    }

    [Theory]
    [InlineData(1, 1, 1f, "beam_width")]
    [InlineData(17, 1, 1f, "beam_width")]
    [InlineData(4, 5, 1f, "n")]
    [InlineData(4, 1, 11f, "length_penalty")]
    [InlineData(4, 1, float.NaN, "length_penalty")]
    public void What_is_out_of_range_is_refused_by_name(int width, int results, float lengthPenalty, string parameter)
    {
        using InferenceEngine engine = Model.Engine();
        BeamOptions options = new() { Width = width, Results = results, LengthPenalty = lengthPenalty };
        RequestRefusedException refusal = Assert.Throws<RequestRefusedException>(() => engine.SubmitBeams(new SequenceRequest { Prompt = Prompt }, options));
        Assert.Equal(parameter, refusal.Parameter);
    }

    static double[] LogProbabilities(InferenceEngine engine, ImmutableArray<int> tokens)
    {
        float[] logits = engine.ComputeLogits(tokens)[^1];
        double normaliser = Math.Log(logits.Sum(logit => Math.Exp(logit)));
        return [.. logits.Select(logit => logit - normaliser)];
    }
}
