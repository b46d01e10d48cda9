using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;

namespace OpenAutoGlm.Server;

public class ErrorTests
{
    [Fact]
    public async Task An_unknown_model_is_told_the_known_ones()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode error = await server.PostAsync("/v1/completions", """{"model": "gpt-\u001b[31m9", "prompt": "x"}""").ErrorAsync(404);
        Assert.Equal(("model_not_found", "model", "invalid_request_error"), ((string)error["code"]!, (string)error["param"]!, (string)error["type"]!));
        Assert.Contains("'tiny', 'org/tiny'", (string)error["message"]!, StringComparison.Ordinal);
        Assert.Equal("model_not_found", (string)(await server.Client.GetAsync("/v1/models/none", TestContext.Current.CancellationToken).ErrorAsync(404))["code"]!);
    }

    [Fact]
    public async Task Unknown_routes_and_wrong_methods_have_error_bodies()
    {
        await using TestServer server = await TestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        foreach (string path in new[] { "/nothing", "/v1", "/v1/nothing", "/v2/models", "/v1/chat/completions/", "/%00", "/..%2f..%2fetc/passwd", "/v1//models", "/v1/models%00" })
        {
            HttpResponseMessage response = await server.Client.GetAsync(path, cancellation);
            Assert.True(response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.BadRequest, path);
        }

        Assert.Equal("unknown_url", (string)(await server.Client.GetAsync("/v1/nothing", cancellation).ErrorAsync(404))["code"]!);
        HttpResponseMessage wrong = await server.Client.GetAsync("/v1/chat/completions", cancellation);
        Assert.Equal(["POST"], wrong.Content.Headers.Allow);
        Assert.Equal("method_not_allowed", (string)(await Task.FromResult(wrong).ErrorAsync(405))["code"]!);
        await server.Client.DeleteAsync("/v1/models", cancellation).ErrorAsync(405);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    public async Task Another_media_type_is_refused(string? contentType)
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode error = await server.PostAsync("/v1/completions", "{}"u8.ToArray(), contentType).ErrorAsync(415);
        Assert.Equal("unsupported_media_type", (string)error["code"]!);
    }

    [Fact]
    public async Task A_compressed_body_is_refused()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = new ByteArrayContent([31, 139]) };
        request.Content.Headers.ContentType = new("application/json");
        request.Content.Headers.ContentEncoding.Add("gzip");
        await server.Client.SendAsync(request, TestContext.Current.CancellationToken).ErrorAsync(415);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_over_the_limit_is_refused_with_the_limit(bool chunked)
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxBodyBytes = 2000 });
        HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes($$"""{"prompt": "{{new string('x', 3000)}}"}""")) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.TransferEncodingChunked = chunked;
        JsonNode error = await server.Client.SendAsync(request, TestContext.Current.CancellationToken).ErrorAsync(413);
        Assert.Contains("2000", (string)error["message"]!, StringComparison.Ordinal);
        await server.ChatAsync().JsonAsync();
    }

    [Fact]
    public async Task Bad_json_over_http_is_a_400_with_line_and_byte()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode error = await server.PostAsync("/v1/completions", "{\n\"temperature\": NaN}").ErrorAsync(400);
        Assert.Equal(("invalid_json", "temperature"), ((string)error["code"]!, (string)error["param"]!));
        Assert.Contains("line 2, byte 16", (string)error["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_queue_is_a_429_that_says_when_to_come_back()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { RetryAfter = TimeSpan.FromSeconds(3) });
        server.Source.Refusal = new RequestRefusedException(RefusalReason.QueueFull, null, "9 sequences would be alive, and 8 may be.", 9, 8);
        HttpResponseMessage response = await server.ChatAsync(""", "stream": true""");
        Assert.Equal(TimeSpan.FromSeconds(3), response.Headers.RetryAfter!.Delta);
        Assert.Equal(("rate_limit_error", "queue_full"), (await Task.FromResult(response).ErrorAsync(429)) is var error ? ((string)error["type"]!, (string)error["code"]!) : default);
    }

    [Fact]
    public async Task Requests_beyond_the_servers_own_limit_are_a_429()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxRequests = 2 });
        TaskCompletionSource gate = new();
        server.Source.Gate = gate.Task;
        Task<HttpResponseMessage>[] held = [server.ChatAsync(), server.ChatAsync()];
        await TestServer.UntilAsync(() => server.Source.Alive == 2);
        await server.ChatAsync().ErrorAsync(429);
        gate.SetResult();
        await Task.WhenAll(held);
        await server.ChatAsync().JsonAsync();
    }

    [Fact]
    public async Task A_second_prompt_that_is_refused_takes_the_first_back()
    {
        await using TestServer server = await TestServer.StartAsync(
            new ScriptedSource(), null, new ServedModel("tiny", new SecondRefused(), 64));
        await server.PostAsync("/v1/completions", """{"model": "tiny", "prompt": ["a", "b"]}""").ErrorAsync(429);
        Assert.Equal((1, 1), (SecondRefused.Started, SecondRefused.Disposed));
    }

    [Theory]
    [InlineData("")]
    [InlineData(""", "stream": true""")]
    public async Task A_request_that_is_refused_never_starts_a_stream(string more)
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Refusal = new RequestRefusedException(RefusalReason.PromptTooLong, "prompt", "The prompt has 99 tokens, and the context holds 64.", 99, 64);
        JsonNode error = await server.ChatAsync(more).ErrorAsync(400);
        Assert.Equal(("context_length_exceeded", "messages"), ((string)error["code"]!, (string)error["param"]!));
        Assert.Contains("99", (string)error["message"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("temperature", "-0.1")]
    [InlineData("top_p", "0")]
    [InlineData("top_p", "1.01")]
    [InlineData("top_k", "-2")]
    [InlineData("min_p", "1.5")]
    [InlineData("min_p", "-1")]
    [InlineData("repetition_penalty", "0")]
    [InlineData("repetition_penalty", "-1")]
    [InlineData("presence_penalty", "2.1")]
    [InlineData("frequency_penalty", "-2.1")]
    [InlineData("logit_bias", """{"5": 100.5}""")]
    public async Task A_number_out_of_its_range_is_refused_with_both(string name, string value)
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode error = await server.ChatAsync($", \"stream\": true, \"{name}\": {value}").ErrorAsync(400);
        Assert.Equal((name, "invalid_value"), ((string)error["param"]!, (string)error["code"]!));
        Assert.Contains("must be", (string)error["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_is_a_500_without_what_is_inside()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Reason = FinishReason.Failed;
        JsonNode error = await server.ChatAsync().ErrorAsync(500);
        Assert.Equal(("server_error", "internal_error"), ((string)error["type"]!, (string)error["code"]!));
        Assert.DoesNotContain("secret", error.ToJsonString(), StringComparison.Ordinal);
        server.Source.Fault = new InvalidOperationException("secret detail");
        Assert.DoesNotContain("secret", (await server.ChatAsync().ErrorAsync(500)).ToJsonString(), StringComparison.Ordinal);
        server.Source.Refusal = new InvalidOperationException("secret detail");
        Assert.DoesNotContain("secret", (await server.ChatAsync().ErrorAsync(500)).ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(0, server.Source.Alive);
    }

    [Theory]
    [InlineData(FinishReason.Failed, CancellationReason.None, "internal_error")]
    [InlineData(FinishReason.Cancelled, CancellationReason.SlowReader, "slow_reader")]
    [InlineData(FinishReason.Cancelled, CancellationReason.EngineStopped, "shutting_down")]
    public async Task An_error_after_the_start_ends_the_stream_as_an_event(FinishReason reason, CancellationReason cancellation, string code)
    {
        await using TestServer server = await TestServer.StartAsync();
        (server.Source.Reason, server.Source.Cancellation) = (reason, cancellation);
        List<string> events = await server.ChatAsync(""", "stream": true""").EventsAsync();
        Assert.Equal(4, events.Count);
        Assert.Equal(code, (string)JsonNode.Parse(events[^1])!["error"]!["code"]!);
        Assert.DoesNotContain("secret", events[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Model_names_are_checked_when_the_server_is_made()
    {
        ScriptedSource source = new();
        Assert.Throws<ArgumentException>(() => new ServedModel("", source, 1));
        Assert.Throws<ArgumentException>(() => new ServedModel("a\nb", source, 1));
        Assert.Throws<ArgumentException>(() => new ServedModel(new string('a', 257), source, 1));
        Assert.Throws<ArgumentException>(() => new AutoGlmServer(new()));
        Assert.Throws<ArgumentException>(() => new AutoGlmServer(new(), new ServedModel("a", source, 1), new ServedModel("b", source, 1) { Aliases = ["a"] }));
        Assert.Throws<ArgumentException>(() => new AutoGlmServer(new() { Host = "example.org" }, new ServedModel("a", source, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AutoGlmServer(new() { Port = 65_536 }, new ServedModel("a", source, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AutoGlmServer(new() { MinDataRate = double.NaN }, new ServedModel("a", source, 1)));
        await using AutoGlmServer taken = new(new() { Port = 0 }, new ServedModel("a", source, 1));
        await taken.StartAsync(TestContext.Current.CancellationToken);
        await using AutoGlmServer late = new(new() { Port = new Uri(taken.Urls.Single()).Port }, new ServedModel("a", source, 1));
        await Assert.ThrowsAsync<IOException>(() => late.StartAsync(TestContext.Current.CancellationToken));
    }

    sealed class SecondRefused : ITextSource
    {
        public static int Started, Disposed;

        public ITextRun Start(OpenAutoGlm.Engine.Generation.GenerationRequest request, CancellationToken cancellation) =>
            Started++ == 0 ? new Run() : throw Refuse();

        static RequestRefusedException Refuse()
        {
            Started--;
            return new RequestRefusedException(RefusalReason.QueueFull, null, "full");
        }

        sealed class Run : ITextRun
        {
            public int PromptTokens => 1;

            public IAsyncEnumerable<OpenAutoGlm.Engine.Generation.GenerationEvent> ReadAllAsync(CancellationToken cancellation) => throw new NotSupportedException();

            public ValueTask DisposeAsync()
            {
                Disposed++;
                return ValueTask.CompletedTask;
            }
        }
    }
}
