using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Cli.Load;

/// <summary>A server that answers with the bytes that a test wants, good or bad, and keeps what it was asked.</summary>
sealed class ScriptedServer : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _end = new();
    readonly Func<JsonNode, Reply, Task> _answer;
    readonly List<JsonNode> _asked = [];
    readonly Task _accepting;
    int _connections;

    /// <param name="answer">Answers a request for text, whose body it is given.</param>
    public ScriptedServer(Func<JsonNode, Reply, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Further members of the model that it lists.</summary>
    public string Model { get; init; } = "";

    /// <summary>Connections that were made.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>The bodies of all requests for text.</summary>
    public JsonNode[] Asked
    {
        get
        {
            lock (_asked)
            {
                return [.. _asked];
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _end.Dispose();
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync(_end.Token);
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(socket);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    async Task ServeAsync(Socket socket)
    {
        socket.NoDelay = true;
        await using NetworkStream stream = new(socket, ownsSocket: true);
        try
        {
            while (await ReadAsync(stream) is { } request)
            {
                Reply reply = new(stream, _end.Token);
                if (request.StartsWith("GET ", StringComparison.Ordinal))
                {
                    await reply.JsonAsync($$"""{"object": "list", "data": [{"id": "scripted"{{Model}} }]}""");
                    continue;
                }

                JsonNode body = JsonNode.Parse(request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..])!;
                lock (_asked)
                {
                    _asked.Add(body);
                }

                await _answer(body, reply);
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client, or the script, has hung up.
        }
    }

    /// <summary>A request, head and body; null at the end of the connection.</summary>
    static async Task<string?> ReadAsync(NetworkStream stream)
    {
        using MemoryStream bytes = new();
        byte[] buffer = new byte[16 << 10];
        int head = -1;
        while (true)
        {
            string text = Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
            head = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (head >= 0)
            {
                int length = text[..head].Split("\r\n").Where(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)).Select(line => int.Parse(line[15..], System.Globalization.CultureInfo.InvariantCulture)).FirstOrDefault();
                if (bytes.Length >= Encoding.UTF8.GetByteCount(text[..head]) + 4 + length)
                {
                    return text;
                }
            }

            int read = await stream.ReadAsync(buffer);
            if (read == 0)
            {
                return null;
            }

            bytes.Write(buffer, 0, read);
        }
    }

    /// <summary>How a script answers.</summary>
    public sealed class Reply(NetworkStream stream, CancellationToken end)
    {
        public CancellationToken End => end;

        /// <summary>Any bytes.</summary>
        public async Task RawAsync(string text) => await stream.WriteAsync(Encoding.UTF8.GetBytes(text), end);

        public void HangUp() => stream.Close();

        public Task JsonAsync(string json, string status = "200 OK") =>
            RawAsync($"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}");

        public Task BeginAsync() => RawAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");

        public Task ChunkAsync(string text) => RawAsync($"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n");

        public Task EventAsync(string json) => ChunkAsync($"data: {json}\n\n");

        /// <summary>The end of a good answer.</summary>
        public async Task EndAsync(string? usage = null)
        {
            await EventAsync("""{"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}""");
            if (usage is not null)
            {
                await EventAsync($$"""{"choices": [], "usage": {{usage}}}""");
            }

            await ChunkAsync("data: [DONE]\n\n");
            await RawAsync("0\r\n\r\n");
        }

        /// <summary>A good answer of so many pieces, as long as asked for.</summary>
        public async Task GoodAsync(JsonNode body, bool usage = true)
        {
            int tokens = (int)body["max_tokens"]!;
            if (body["stream"] is null)
            {
                // A question about lengths: three tokens around the words, two for each.
                int words = body["prompt"] is JsonArray ids ? ids.Count : ((string?)body["prompt"] ?? (string)body["messages"]![0]!["content"]!).Split(' ').Length;
                await JsonAsync($$"""{"choices": [{"text": "x"}], "usage": {"prompt_tokens": {{3 + (2 * words)}}, "completion_tokens": 1} }""");
                return;
            }

            await BeginAsync();
            for (int i = 0; i < tokens; i++)
            {
                await EventAsync(body["messages"] is null ? $$"""{"choices": [{"index": 0, "text": " w{{i}}"}]}""" : $$"""{"choices": [{"index": 0, "delta": {"content": " w{{i}}"} }]}""");
            }

            await EndAsync(usage ? $$"""{"prompt_tokens": 12, "completion_tokens": {{tokens}}, "prompt_tokens_details": {"cached_tokens": 5} }""" : null);
        }
    }
}
