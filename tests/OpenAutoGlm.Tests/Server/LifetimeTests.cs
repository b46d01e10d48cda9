using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server;

/// <summary>Clients that go, servers that stop, readers that are slow.</summary>
public class LifetimeTests
{
    static readonly byte[] Stream = """{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "stream": true}"""u8.ToArray();
    static readonly byte[] Whole = """{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}"""u8.ToArray();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_goes_ends_its_run(bool stream)
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Gate = new TaskCompletionSource().Task;
        using CancellationTokenSource gone = new();
        Task<HttpResponseMessage> sending = server.Client.SendAsync(TestServer.Post("/v1/chat/completions", stream ? Stream : Whole), gone.Token);
        await TestServer.UntilAsync(() => server.Source.Alive == 1);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        await TestServer.UntilAsync(() => server.Source.Alive == 0);
        server.Source.Gate = Task.CompletedTask;
        await server.ChatAsync().JsonAsync();
    }

    [Fact]
    public async Task The_first_chunk_comes_before_the_first_token_and_silence_is_broken_by_comments()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { KeepAliveInterval = TimeSpan.FromMilliseconds(10) });
        TaskCompletionSource gate = new();
        (server.Source.Pieces, server.Source.Gate) = ([], gate.Task);
        HttpResponseMessage response = await server.Client.SendAsync(TestServer.Post("/v1/chat/completions", Stream), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Contains("assistant", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal("", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Equal(": still here", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        gate.SetResult();
        Assert.EndsWith("data: [DONE]\n\n", await reader.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_lets_running_requests_end_and_takes_no_more()
    {
        await using TestServer server = await TestServer.StartAsync();
        TaskCompletionSource gate = new();
        server.Source.Gate = gate.Task;
        Task<HttpResponseMessage> held = server.ChatAsync();
        await TestServer.UntilAsync(() => server.Source.Alive == 1);
        Task stopping = server.Server.StopAsync(TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<HttpRequestException>(async () =>
        {
            // The port closes a moment after the call.
            for (int tries = 0; tries < 200; tries++)
            {
                using HttpClient late = new();
                using HttpResponseMessage response = await late.GetAsync(new Uri(server.Client.BaseAddress!, "/ready"), TestContext.Current.CancellationToken);
                Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }
        });
        Assert.False(stopping.IsCompleted);
        gate.SetResult();
        Assert.Equal("Hello", (string)(await held.JsonAsync())["choices"]![0]!["message"]!["content"]!);
        await stopping;
        await server.Server.StopAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_that_outlive_the_patience_are_told_so(bool stream)
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { DrainTimeout = TimeSpan.FromMilliseconds(50) });
        server.Source.Gate = new TaskCompletionSource().Task;
        Task<HttpResponseMessage> held = server.PostAsync("/v1/chat/completions", stream ? Stream : Whole);
        await TestServer.UntilAsync(() => server.Source.Alive == 1);
        await server.Server.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, server.Source.Alive);
        JsonNode error = stream ? JsonNode.Parse((await held.EventsAsync())[^1])!["error"]! : await held.ErrorAsync(503);
        Assert.Equal("shutting_down", (string)error["code"]!);
    }

    [Fact]
    public async Task Impatience_ends_the_draining_at_once()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { DrainTimeout = TimeSpan.FromHours(1) });
        server.Source.Gate = new TaskCompletionSource().Task;
        Task<HttpResponseMessage> held = server.ChatAsync();
        await TestServer.UntilAsync(() => server.Source.Alive == 1);
        await server.Server.StopAsync(new CancellationToken(canceled: true));
        await held.ErrorAsync(503);
    }

    [Fact]
    public async Task Running_ends_when_its_token_fires()
    {
        await using AutoGlmServer server = new(new ServerOptions { Port = 0 }, new ServedModel("tiny", new ScriptedSource(), 64));
        using CancellationTokenSource end = new();
        Task running = server.RunAsync(end.Token);
        await TestServer.UntilAsync(() => server.Urls.Count == 1);
        using HttpClient client = new();
        Uri health = new(server.Urls.Single() + "/health");
        Assert.Equal("""{"status":"ready"}""", await client.GetStringAsync(health, TestContext.Current.CancellationToken));
        await end.CancelAsync();
        await running;
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(health, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_reader_that_stops_reading_is_cut_off()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MinDataRate = 1_000_000_000, DataRatePatience = TimeSpan.FromSeconds(1.1) });
        server.Source.Pieces = [.. Enumerable.Repeat(new string('x', 10_000), 2000)];
        await using NetworkStream connection = await server.ConnectAsync();
        connection.Socket.ReceiveBufferSize = 4096;
        await connection.WriteAsync(Request(Stream), TestContext.Current.CancellationToken);
        await TestServer.UntilAsync(() => !server.Source.Requests.IsEmpty && server.Source.Alive == 0);
        await server.Client.GetStringAsync("/health", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Hostile_connections_leave_the_server_alive()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { HeaderTimeout = TimeSpan.FromMilliseconds(300) });
        List<NetworkStream> open = [];
        foreach (byte[] bytes in new[]
        {
            [],
            "POST /v1/chat"u8.ToArray(),
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\n"u8.ToArray(),
            Encoding.ASCII.GetBytes($"GET /health HTTP/1.1\r\nHost: x\r\nA: {new string('a', 100_000)}\r\n\r\n"),
            Encoding.ASCII.GetBytes($"GET /{new string('a', 100_000)} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Encoding.ASCII.GetBytes("GET /health HTTP/1.1\r\nHost: x\r\n" + string.Concat(Enumerable.Range(0, 500).Select(index => $"h{index}: 1\r\n")) + "\r\n"),
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"model\""u8.ToArray(),
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n"u8.ToArray(),
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n"u8.ToArray(),
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"u8.ToArray(),
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"u8.ToArray(),
            [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03],
            Request(Stream)[..^20],
        })
        {
            NetworkStream connection = await server.ConnectAsync();
            try
            {
                await connection.WriteAsync(bytes, TestContext.Current.CancellationToken);
            }
            catch (IOException)
            {
                // Cut off in the middle of it, as it should be.
            }

            open.Add(connection);
            await server.ChatAsync().JsonAsync();
        }

        foreach (NetworkStream connection in open)
        {
            // Some with FIN, some with RST.
            connection.Socket.LingerState = new LingerOption(open.IndexOf(connection) % 2 == 0, 0);
            await connection.DisposeAsync();
        }

        await server.ChatAsync().JsonAsync();
        Assert.Equal(0, server.Source.Alive);
    }

    [Fact]
    public async Task Half_a_request_does_not_hold_up_stopping()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { DrainTimeout = TimeSpan.FromMilliseconds(100), Farewell = TimeSpan.FromMilliseconds(200) });
        await using NetworkStream head = await server.ConnectAsync();
        await head.WriteAsync("POST /v1/completions HTTP/1.1\r\nHost: x\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        await using NetworkStream body = await server.ConnectAsync();
        await body.WriteAsync(Request(Stream)[..^20], TestContext.Current.CancellationToken);
        await server.ChatAsync().JsonAsync();
        await server.Server.StopAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    static byte[] Request(byte[] body) =>
        [.. Encoding.ASCII.GetBytes($"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"), .. body];
}
