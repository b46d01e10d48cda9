using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

namespace OpenAutoGlm.Clients;

/// <summary>The official .NET client against a server on a published model.</summary>
public class OpenAiDotNetTests
{
    static readonly ChatMessage[] Messages = [ChatMessage.CreateUserMessage("Once upon a time")];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_chat_is_completed_as_the_reference_completes_it()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        ChatCompletion completion = await Client(server).CompleteChatAsync(Messages, Options(), Cancellation);
        Assert.StartsWith("Once upon a time" + completion.Content[0].Text, server.ReferenceText(), StringComparison.Ordinal);
        Assert.Equal((ChatFinishReason.Length, ChatMessageRole.Assistant, "stories260K"), (completion.FinishReason, completion.Role, completion.Model));
        Assert.Equal((24, completion.Usage.InputTokenCount + 24), (completion.Usage.OutputTokenCount, completion.Usage.TotalTokenCount));
        Assert.NotEqual(default, completion.CreatedAt);
    }

    [Fact]
    public async Task A_streamed_chat_says_the_same_with_usage_at_its_end()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        ChatCompletion whole = await Client(server).CompleteChatAsync(Messages, Options(), Cancellation);
        string text = "";
        ChatFinishReason? finish = null;
        ChatTokenUsage? usage = null;
        int updates = 0;
        await foreach (StreamingChatCompletionUpdate update in Client(server).CompleteChatStreamingAsync(Messages, Options(), Cancellation))
        {
            updates++;
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            finish = update.FinishReason ?? finish;
            usage = update.Usage ?? usage;
        }

        Assert.Equal((whole.Content[0].Text, whole.FinishReason), (text, finish!.Value));
        Assert.Equal(whole.Usage.TotalTokenCount, usage?.TotalTokenCount);

        // Role, text, finish and usage come apart; tokens that were ready together may share an update.
        Assert.True(updates >= 4, $"{updates} updates are no stream.");
    }

    [Fact]
    public async Task Logprobs_penalties_stops_and_seeds_are_honoured()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        ChatClient client = Client(server);
        ChatCompletionOptions options = Options();
        (options.IncludeLogProbabilities, options.TopLogProbabilityCount) = (true, 2);
        options.StopSequences.Add(" girl");
        ChatCompletion stopped = await client.CompleteChatAsync(Messages, options, Cancellation);
        Assert.Equal((", there was a little", ChatFinishReason.Stop), (stopped.Content[0].Text, stopped.FinishReason));
        Assert.All(stopped.ContentTokenLogProbabilities, token => Assert.Equal(2, token.TopLogProbabilities.Count));

#pragma warning disable OPENAI001 // The client calls its seed experimental.
        ChatCompletionOptions sampled = new() { Temperature = 1, TopP = 0.9f, Seed = 7, MaxOutputTokenCount = 24, FrequencyPenalty = 0.2f, PresencePenalty = 0.1f, EndUserId = "u-1" };
#pragma warning restore OPENAI001
        ChatCompletion first = await client.CompleteChatAsync(Messages, sampled, Cancellation);
        ChatCompletion second = await client.CompleteChatAsync(Messages, sampled, Cancellation);
        Assert.Equal(first.Content[0].Text, second.Content[0].Text);
    }

    [Fact]
    public async Task Models_are_listed_and_errors_are_understood()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        OpenAIModelClient models = new(new ApiKeyCredential("EMPTY"), new OpenAIClientOptions { Endpoint = server.BaseUrl });
        OpenAIModel model = Assert.Single((await models.GetModelsAsync(Cancellation)).Value);
        Assert.Equal(("stories260K", "open-autoglm"), (model.Id, model.OwnedBy));

        ClientResultException unknown = await Assert.ThrowsAsync<ClientResultException>(() => Client(server, "nobody").CompleteChatAsync(Messages, Options(), Cancellation));
        Assert.Equal(404, unknown.Status);
        Assert.Contains("model_not_found", unknown.Message, StringComparison.Ordinal);
        ChatCompletionOptions tooLong = new() { MaxOutputTokenCount = 1_000_000 };
        ClientResultException refused = await Assert.ThrowsAsync<ClientResultException>(() => Client(server).CompleteChatAsync(Messages, tooLong, Cancellation));
        Assert.Equal(400, refused.Status);
        Assert.Contains("max_completion_tokens", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embeddings_are_read_as_floats_whatever_the_client_asks_for()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        OpenAI.Embeddings.EmbeddingClient client = new("stories260K", new ApiKeyCredential("EMPTY"), Options(server));
        OpenAI.Embeddings.OpenAIEmbeddingCollection embeddings = await client.GenerateEmbeddingsAsync(["Once upon a time", "The dog"], cancellationToken: Cancellation);
        Assert.Equal((2, "stories260K"), (embeddings.Count, embeddings.Model));
        Assert.True(embeddings.Usage.InputTokenCount > 4);
        ReadOnlyMemory<float> vector = embeddings[0].ToFloats();
        Assert.Equal(64, vector.Length);
        Assert.Equal(1, vector.ToArray().Sum(x => (double)x * x), 1e-5);
        OpenAI.Embeddings.OpenAIEmbedding few = await client.GenerateEmbeddingAsync("Once upon a time", new() { Dimensions = 8, EndUserId = "u-1" }, Cancellation);
        Assert.Equal(8, few.ToFloats().Length);
        Assert.Equal(vector.Span[0] / vector.Span[1], few.ToFloats().Span[0] / few.ToFloats().Span[1], 1e-3);
    }

    [Fact]
    public async Task A_file_becomes_a_batch_and_the_batch_a_file()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        OpenAI.Files.OpenAIFileClient files = new(new ApiKeyCredential("EMPTY"), Options(server));
        const string line = """{"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "stories260K", "messages": [{"role": "user", "content": "Once upon a time"}], "temperature": 0, "max_tokens": 24}}""";
        OpenAI.Files.OpenAIFile input = await files.UploadFileAsync(BinaryData.FromString(line + "\n"), "requests.jsonl", OpenAI.Files.FileUploadPurpose.Batch);
        Assert.Equal(("requests.jsonl", OpenAI.Files.FilePurpose.Batch), (input.Filename, input.Purpose));
#pragma warning disable OPENAI001 // The client calls its batches experimental.
        OpenAI.Batch.BatchClient batches = new(new ApiKeyCredential("EMPTY"), new OpenAI.Batch.BatchClientOptions { Endpoint = server.BaseUrl });
        string request = $$"""{"input_file_id": "{{input.Id}}", "endpoint": "/v1/chat/completions", "completion_window": "24h"}""";
        OpenAI.Batch.CreateBatchOperation operation = await batches.CreateBatchAsync(BinaryContent.Create(BinaryData.FromString(request)), waitUntilCompleted: true);
#pragma warning restore OPENAI001
        System.Text.Json.Nodes.JsonNode batch = System.Text.Json.Nodes.JsonNode.Parse((await operation.GetBatchAsync(null)).GetRawResponse().Content.ToString())!;
        Assert.Equal("completed", (string)batch["status"]!);
        BinaryData output = await files.DownloadFileAsync((string)batch["output_file_id"]!, Cancellation);
        string text = (string)System.Text.Json.Nodes.JsonNode.Parse(output.ToString())!["response"]!["body"]!["choices"]![0]!["message"]!["content"]!;
        ChatCompletion direct = await Client(server).CompleteChatAsync(Messages, Options(), Cancellation);
        Assert.Equal(direct.Content[0].Text, text);
        Assert.True((await files.DeleteFileAsync(input.Id, Cancellation)).Value.Deleted);
        Assert.Single((await files.GetFilesAsync(Cancellation)).Value);
    }

    [Fact]
    public async Task A_stream_that_is_left_early_frees_its_sequence()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        await foreach (StreamingChatCompletionUpdate update in Client(server).CompleteChatStreamingAsync(Messages, new() { MaxOutputTokenCount = 400, Temperature = 0 }, Cancellation))
        {
            break;
        }

        await server.BecomesIdleAsync();
    }

    static OpenAIClientOptions Options(StoriesServer server) => new() { Endpoint = server.BaseUrl, RetryPolicy = new ClientRetryPolicy(0) };

    static ChatCompletionOptions Options() => new() { Temperature = 0, MaxOutputTokenCount = 24 };

    static ChatClient Client(StoriesServer server, string model = "stories260K") =>
        new(model, new ApiKeyCredential("EMPTY"), new OpenAIClientOptions { Endpoint = server.BaseUrl, RetryPolicy = new ClientRetryPolicy(0) });
}
