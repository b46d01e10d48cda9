using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm.Server;

/// <summary>A server on a free port of this machine, with a client.</summary>
sealed class TestServer : IAsyncDisposable
{
    TestServer(AutoGlmServer server, ScriptedSource source)
    {
        Server = server;
        Source = source;
        // A response that is disposed half read closes its connection at once.
        Client = new HttpClient(new SocketsHttpHandler { ResponseDrainTimeout = TimeSpan.Zero }) { BaseAddress = new Uri(server.Urls.Single()), Timeout = TimeSpan.FromSeconds(30) };
    }

    /// <summary>Over a real engine; the source of this server says nothing.</summary>
    public static Task<TestServer> StartAsync(TextGenerator generator, RecordingLog? log = null) =>
        StartAsync(new ScriptedSource(), new ServerOptions { LoggerFactory = log }, new ServedModel("tiny", generator));

    public AutoGlmServer Server { get; }

    public ScriptedSource Source { get; }

    public HttpClient Client { get; }

    public static async Task<TestServer> StartAsync(ServerOptions? options = null)
    {
        ScriptedSource source = new();
        return await StartAsync(source, options, new ServedModel("tiny", source, 64) { Aliases = ["org/tiny"], Created = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000) });
    }

    public static async Task<TestServer> StartAsync(ScriptedSource source, ServerOptions? options, params ServedModel[] models)
    {
        options ??= new();
        AutoGlmServer server = new(options with { Port = 0, LoggerFactory = options.LoggerFactory ?? new RecordingLog() }, models);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return new TestServer(server, source);
    }

    /// <summary>Over models that are loaded on demand.</summary>
    public static async Task<TestServer> StartAsync(ServerOptions options, IReadOnlyList<ModelOnDemand> models)
    {
        AutoGlmServer server = new(options with { Port = 0, LoggerFactory = options.LoggerFactory ?? new RecordingLog() }, models);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return new TestServer(server, new ScriptedSource());
    }

    /// <summary>Posts a body as it stands.</summary>
    public Task<HttpResponseMessage> PostAsync(string path, byte[] body, string? contentType = "application/json") =>
        Client.SendAsync(Post(path, body, contentType), TestContext.Current.CancellationToken);

    public static HttpRequestMessage Post(string path, byte[] body, string? contentType = "application/json")
    {
        HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        return request;
    }

    public Task<HttpResponseMessage> PostAsync(string path, string body) => PostAsync(path, Encoding.UTF8.GetBytes(body));

    /// <summary>Posts a chat about "Hi" with further parameters: , "n": 2.</summary>
    public Task<HttpResponseMessage> ChatAsync(string more = "") =>
        PostAsync("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]""" + more + "}");

    public Task<HttpResponseMessage> CompleteAsync(string more = "") => PostAsync("/v1/completions", """{"model": "tiny", "prompt": "Hi" """ + more + "}");

    /// <summary>A long streamed completion that was accepted and is not read.</summary>
    public Task<HttpResponseMessage> OpenStreamAsync()
    {
        byte[] body = """{"model": "tiny", "prompt": "Hi", "max_tokens": 200, "stream": true, "ignore_eos": true}"""u8.ToArray();
        return Client.SendAsync(Post("/v1/completions", body), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    /// <summary>The connection without a client's manners.</summary>
    public async Task<NetworkStream> ConnectAsync()
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Client.BaseAddress!.Host, Client.BaseAddress.Port, TestContext.Current.CancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }

    /// <summary>Waits until something holds; fails after ten seconds.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        for (int tries = 0; !condition(); tries++)
        {
            Assert.True(tries < 1000, "It did not come true within ten seconds.");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}

static class ResponseReading
{
    public static async Task<JsonNode> JsonAsync(this Task<HttpResponseMessage> sending) => await (await sending).JsonAsync();

    public static async Task<JsonNode> JsonAsync(this HttpResponseMessage response) =>
        JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;

    /// <summary>The error of a response, whose status must be the one given.</summary>
    public static async Task<JsonNode> ErrorAsync(this Task<HttpResponseMessage> sending, int status)
    {
        HttpResponseMessage response = await sending;
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True((int)response.StatusCode == status, $"{(int)response.StatusCode} instead of {status}: {text}");
        JsonNode error = JsonNode.Parse(text)!["error"]!;
        Assert.Equal(["message", "type", "param", "code"], error.AsObject().Select(field => field.Key));
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        return error;
    }

    /// <summary>The data lines of a stream; every event must have the form that the specification asks for.</summary>
    public static async Task<List<string>> EventsAsync(this Task<HttpResponseMessage> sending)
    {
        HttpResponseMessage response = await sending;
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        string[] events = text[..^2].Split("\n\n");
        Assert.All(events, one => Assert.True(one.StartsWith("data: ", StringComparison.Ordinal) || one.StartsWith(':'), one));
        return [.. events.Where(one => one[0] == 'd').Select(one => one["data: ".Length..])];
    }
}
