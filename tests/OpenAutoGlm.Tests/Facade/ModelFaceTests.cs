using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Facade;

/// <summary>Chat client and embedding generator over a real engine of random weights.</summary>
public sealed class ModelFaceTests : IDisposable
{
    readonly TemporaryFolder _cache = new();
    readonly AutoInferenceEngine _engine;

    public ModelFaceTests() => _engine = AutoInferenceEngine.FromPretrained("synth:glm4-tiny", SyntheticEngine.In(_cache.Root));

    public void Dispose()
    {
        _engine.Dispose();
        _engine.Dispose();
        _cache.Dispose();
    }

    [Fact]
    public async Task Whole_and_streamed_answers_of_one_seed_are_the_same_and_nothing_is_held_after()
    {
        IChatClient client = _engine.AsChatClient("tiny");
        ChatOptions options = new() { Seed = 3, MaxOutputTokens = 24 };
        ChatResponse whole = await client.GetResponseAsync("Hello", options, Cancellation);
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Hello", options, Cancellation))
        {
            updates.Add(update);
        }

        Assert.Equal(whole.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.NotEmpty(whole.Text);
        Assert.Single(updates.Select(update => update.ResponseId).Distinct());
        Assert.Equal(whole.FinishReason, updates[^1].FinishReason);
        Assert.Equal(whole.Usage!.OutputTokenCount, updates[^1].Contents.OfType<UsageContent>().Single().Details.OutputTokenCount);
        Assert.Equal(0, _engine.Engine.Statistics.RunningSequences);
    }

    [Fact]
    public async Task An_answer_under_a_schema_is_of_that_schema()
    {
        ChatOptions options = new() { Seed = 1, MaxOutputTokens = 60, ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"enum": ["left", 7, null]}""")) };
        ChatResponse response = await _engine.AsChatClient().GetResponseAsync("Which?", options, Cancellation);
        Assert.Matches("""^\s*("left"|7(\.0+)?([eE][+-]?0+)?|null)\s*$""", response.Text);
    }

    [Fact]
    public async Task A_client_that_reads_no_further_cancels_its_answer()
    {
        await foreach (ChatResponseUpdate update in _engine.AsChatClient().GetStreamingResponseAsync("Hello", new() { MaxOutputTokens = 200 }, Cancellation))
        {
            break;
        }

        for (int tries = 0; _engine.Engine.Statistics is not { RunningSequences: 0, WaitingSequences: 0, UsedKvBlocks: 0 }; tries++)
        {
            Assert.True(tries < 1000, $"{_engine.Engine.Statistics}");
            await Task.Delay(10, Cancellation);
        }
    }

    [Fact]
    public async Task A_value_out_of_its_range_is_refused_with_its_name()
    {
        RequestRefusedException refusal = await Assert.ThrowsAsync<RequestRefusedException>(() => _engine.AsChatClient().GetResponseAsync("Hi", new() { Temperature = -1 }, Cancellation));
        Assert.Equal("temperature", refusal.Parameter);
    }

    [Fact]
    public void A_client_and_a_generator_tell_what_they_stand_on()
    {
        IChatClient client = _engine.AsChatClient("tiny");
        Assert.Same(_engine, client.GetService<AutoInferenceEngine>());
        Assert.Same(_engine.Engine, client.GetService<InferenceEngine>());
        Assert.Same(_engine.Generator, client.GetService<TextGenerator>());
        Assert.Equal(("openautoglm", "tiny"), (client.GetService<ChatClientMetadata>()!.ProviderName, client.GetService<ChatClientMetadata>()!.DefaultModelId));
        Assert.Null(client.GetService<string>());
        Assert.Null(client.GetService(typeof(ChatClientMetadata), "key"));
        IEmbeddingGenerator<string, Embedding<float>> embeddings = _engine.AsEmbeddingGenerator("tiny");
        Assert.Equal(256, embeddings.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions);
        Assert.Same(_engine, embeddings.GetService<AutoInferenceEngine>());
    }

    [Fact]
    public async Task Embeddings_have_length_one_come_in_order_and_are_shortened_on_request()
    {
        IEmbeddingGenerator<string, Embedding<float>> generator = _engine.AsEmbeddingGenerator("tiny");
        GeneratedEmbeddings<Embedding<float>> all = await generator.GenerateAsync(["one text", "another one", "one text"], cancellationToken: Cancellation);
        Assert.Equal(3, all.Count);
        Assert.All(all, embedding => Assert.Equal(1, embedding.Vector.ToArray().Sum(x => x * x), 1e-4));
        Assert.Equal(all[0].Vector.ToArray(), all[2].Vector.ToArray());
        Assert.NotEqual(all[0].Vector.ToArray(), all[1].Vector.ToArray());
        Assert.True(all.Usage!.InputTokenCount > 3);
        GeneratedEmbeddings<Embedding<float>> few = await generator.GenerateAsync(["one text"], new() { Dimensions = 16 }, Cancellation);
        Assert.Equal(16, Assert.Single(few).Dimensions);
        await Assert.ThrowsAsync<NotSupportedException>(() => generator.GenerateAsync(["a"], new() { ModelId = "another" }, Cancellation));
        await Assert.ThrowsAsync<RequestRefusedException>(() => generator.GenerateAsync(["a"], new() { Dimensions = 100_000 }, Cancellation));
    }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;
}
