using System.Collections.Immutable;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Engine;

/// <summary>A sequence gives the same tokens whatever runs beside it and however it is cut.</summary>
public class OneAnswerTests
{
    static readonly TinyModel Model = new();
    static readonly ImmutableArray<int> Prompt = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 32, 38];
    static readonly ImmutableArray<int> Alone = Answer(new EngineOptions());

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void Chunks_of_any_size_give_the_same_answer(int tokensPerStep)
    {
        Assert.Equal(24, Alone.Length);
        Assert.True(Alone.Distinct().Count() > 4, "An answer of few tokens would prove little.");
        Assert.Equal(Alone, Answer(new EngineOptions { MaxTokensPerStep = tokensPerStep }));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(64)]
    public void Blocks_of_any_size_give_the_same_answer(int blockTokens) =>
        Assert.Equal(Alone, Answer(new EngineOptions { BlockTokens = blockTokens }));

    [Theory]
    [InlineData(0f)]
    [InlineData(1.3f)]
    public async Task A_batch_gives_each_sequence_the_answer_it_has_alone(float temperature)
    {
        SequenceRequest[] requests = [.. Requests(temperature, count: 8)];
        using InferenceEngine crowded = Model.Engine(new EngineOptions { MaxSequences = 5, MaxTokensPerStep = 11 });
        int[][] together = await Task.WhenAll(requests.Select(request => Read(crowded.Submit(request))));
        using InferenceEngine empty = Model.Engine(new EngineOptions { MaxSequences = 1 });
        for (int i = 0; i < requests.Length; i++)
        {
            Assert.Equal(empty.Generate(requests[i]), together[i]);
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1.3f)]
    public async Task Preempted_sequences_resume_to_the_same_answer(float temperature)
    {
        SequenceRequest[] requests = [.. Requests(temperature, count: 5).Select(request => request with { MaxTokens = 60 })];
        EngineOptions tight = new() { MaxSequences = 5, BlockTokens = 16, ContextLength = 80, KvMemoryBytes = 8 * 16 * Model.Config.KvBytesPerToken(TensorFormat.BF16) };
        using InferenceEngine crowded = Model.Engine(tight);
        int[][] together = await Task.WhenAll(requests.Select(request => Read(crowded.Submit(request))));
        Assert.True(crowded.Statistics.Preemptions > 0, "Nobody was preempted.");
        Assert.Equal(0, crowded.Statistics.UsedKvBlocks);
        using InferenceEngine roomy = Model.Engine();
        for (int i = 0; i < requests.Length; i++)
        {
            Assert.Equal(roomy.Generate(requests[i]), together[i]);
        }
    }

    [Fact]
    public void All_logits_agree_with_the_tokens_chosen_one_by_one()
    {
        using InferenceEngine engine = Model.Engine(new EngineOptions { MaxTokensPerStep = 7 });
        ImmutableArray<int> whole = [.. Prompt, .. Alone];
        float[][] logits = engine.ComputeLogits(whole);
        Assert.Equal(whole.Length, logits.Length);
        for (int i = 0; i < Alone.Length; i++)
        {
            Assert.Equal(Alone[i], Argmax.Of(logits[Prompt.Length - 1 + i]).Index);
        }
    }

    [Fact]
    public void All_logits_are_the_same_bits_in_chunks_of_any_size()
    {
        float[][] whole = Logits(64);
        for (int tokensPerStep = 1; tokensPerStep <= 7; tokensPerStep++)
        {
            float[][] chunked = Logits(tokensPerStep);
            for (int row = 0; row < whole.Length; row++)
            {
                Assert.True(whole[row].AsSpan().SequenceEqual(chunked[row]), $"Row {row} differs in chunks of {tokensPerStep}.");
            }
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_tokens_and_another_sample_index_others()
    {
        using InferenceEngine engine = Model.Engine();
        SequenceRequest request = Requests(temperature: 2, count: 1).Single();
        ImmutableArray<int> first = engine.Generate(request);
        Assert.Equal(first, engine.Generate(request));
        Assert.NotEqual(first, engine.Generate(request with { SampleIndex = 1 }));
        Assert.NotEqual(first, engine.Generate(request with { Sampling = request.Sampling with { Seed = 8 } }));
    }

    static IEnumerable<SequenceRequest> Requests(float temperature, int count)
    {
        for (int i = 0; i < count; i++)
        {
            yield return new SequenceRequest
            {
                Prompt = [.. Prompt.Skip(i), i],
                MaxTokens = 12 + (3 * i),
                Sampling = new SamplingOptions { Temperature = temperature, Seed = 7, FrequencyPenalty = 0.3f, RepetitionPenalty = 1.1f, TopP = 0.95f },
            };
        }
    }

    static async Task<int[]> Read(Sequence sequence)
    {
        List<int> tokens = [];
        await foreach (TokenEvent token in sequence.Events.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            Assert.Equal(tokens.Count, token.Index);
            tokens.Add(token.Token);
        }

        return [.. tokens];
    }

    static ImmutableArray<int> Answer(EngineOptions options)
    {
        using InferenceEngine engine = Model.Engine(options);
        return engine.Generate(new SequenceRequest { Prompt = Prompt, MaxTokens = 24 });
    }

    static float[][] Logits(int tokensPerStep)
    {
        using InferenceEngine engine = Model.Engine(new EngineOptions { MaxTokensPerStep = tokensPerStep });
        return engine.ComputeLogits(Prompt);
    }
}
