using OpenAutoGlm.Cli.Load.Client;

namespace OpenAutoGlm.Cli.Load;

/// <summary>Whatever a server does, a request ends within its time, in one way, with the reason.</summary>
public class HostileServerTests
{
    const string Text = """{"choices": [{"index": 0, "text": "a"}]}""";

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(0.8);

    [Fact]
    public async Task A_good_answer_finishes_with_the_servers_counts_and_the_connection_is_used_again()
    {
        await using ScriptedServer server = new((body, reply) => reply.GoodAsync(body));
        using LoadClient client = Client(server);
        for (int i = 0; i < 3; i++)
        {
            RequestRecord record = await SendAsync(client);
            Assert.Equal(Outcome.Finished, record.Outcome);
            Assert.Equal((12, 4, 5, 4, true), (record.PromptTokens, record.OutputTokens, record.CachedTokens!.Value, record.Pieces, record.Counted));
            Assert.True(record.Due <= record.Sent && record.Sent <= record.First && record.First <= record.End);
        }

        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task Without_usage_pieces_are_counted()
    {
        await using ScriptedServer server = new((body, reply) => reply.GoodAsync(body, usage: false));
        using LoadClient client = Client(server);
        RequestRecord record = await SendAsync(client);
        Assert.Equal((Outcome.Finished, 4, false, 9), (record.Outcome, record.OutputTokens, record.Counted, record.PromptTokens));
    }

    [Theory]
    [InlineData("429 Too Many Requests", "refused", "429 no room")]
    [InlineData("503 Service Unavailable", "refused", "503 no room")]
    [InlineData("500 Internal Server Error", "http-error", "500 no room")]
    [InlineData("400 Bad Request", "http-error", "400 no room")]
    [InlineData("204 No Content", "http-error", "204")]
    public async Task Statuses_are_told_apart(string status, string outcome, string reason) =>
        await EndsAsync(outcome == "refused" ? Outcome.Refused : Outcome.HttpError, reason, reply => status.StartsWith("204", StringComparison.Ordinal)
            ? reply.RawAsync($"HTTP/1.1 {status}\r\n\r\n")
            : reply.JsonAsync("""{"error": {"message": "no room"}}""", status));

    [Fact]
    public Task A_redirect_is_not_followed() => EndsAsync(Outcome.HttpError, "307 redirects to http://127.0.0.1:1/", reply =>
        reply.RawAsync("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));

    [Fact]
    public Task Another_content_type_is_no_stream() => EndsAsync(Outcome.Malformed, "application/json instead of text/event-stream", reply => reply.JsonAsync("{}"));

    [Fact]
    public Task A_missing_content_type_is_no_stream() => EndsAsync(Outcome.Malformed, "no content type", reply => reply.RawAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));

    [Fact]
    public Task Silence_before_the_head_ends_in_time() => EndsAsync(Outcome.TimedOut, "no answer came", reply => Task.Delay(Timeout.Infinite, reply.End));

    [Fact]
    public Task Silence_after_the_head_ends_in_time() => EndsAsync(Outcome.TimedOut, "no text came", async reply =>
    {
        await reply.BeginAsync();
        await Task.Delay(Timeout.Infinite, reply.End);
    });

    [Fact]
    public Task Silence_in_the_middle_ends_in_time() => EndsAsync(Outcome.TimedOut, "part of the answer came", async reply =>
    {
        await reply.BeginAsync();
        await reply.EventAsync(Text);
        await Task.Delay(Timeout.Infinite, reply.End);
    });

    [Fact]
    public Task An_answer_without_end_ends_in_time() => EndsAsync(Outcome.TimedOut, "part of the answer came", async reply =>
    {
        await reply.BeginAsync();
        while (!reply.End.IsCancellationRequested)
        {
            await reply.EventAsync(Text);
        }
    });

    [Fact]
    public Task An_event_without_end_is_malformed() => EndsAsync(Outcome.Malformed, "longer than", async reply =>
    {
        await reply.BeginAsync();
        string much = new('x', 100_000);
        while (!reply.End.IsCancellationRequested)
        {
            await reply.ChunkAsync(much);
        }
    });

    [Fact]
    public Task A_cut_connection_is_broken() => EndsAsync(Outcome.Broken, "", async reply =>
    {
        await reply.BeginAsync();
        await reply.EventAsync(Text);
        reply.HangUp();
    });

    [Fact]
    public Task A_connection_that_is_cut_before_the_head_is_broken() => EndsAsync(Outcome.Broken, "", reply =>
    {
        reply.HangUp();
        return Task.CompletedTask;
    });

    [Fact]
    public Task A_stream_that_ends_without_saying_so_is_broken() => EndsAsync(Outcome.Broken, "without [DONE] or a finish_reason", async reply =>
    {
        await reply.BeginAsync();
        await reply.EventAsync(Text);
        await reply.RawAsync("0\r\n\r\n");
    });

    [Fact]
    public Task An_error_in_the_stream_is_told() => EndsAsync(Outcome.Broken, "the stream told of an error: out of memory", async reply =>
    {
        await reply.BeginAsync();
        await reply.EventAsync(Text);
        await reply.EventAsync("""{"error": {"message": "out of memory"}}""");
    });

    [Theory]
    [InlineData("data: nonsense\n\n")]
    [InlineData("data: [1]\n\n")]
    [InlineData("data: {\"choices\": [\n\n")]
    public Task Events_that_are_no_json_are_malformed(string text) => EndsAsync(Outcome.Malformed, "", async reply =>
    {
        await reply.BeginAsync();
        await reply.ChunkAsync(text);
    });

    [Fact]
    public Task Bytes_that_are_no_http_are_malformed() => EndsAsync(Outcome.Malformed, "", async reply =>
    {
        await reply.RawAsync("SSH-2.0-OpenSSH_9.6\r\n\r\n\r\n");
        await Task.Delay(Timeout.Infinite, reply.End);
    });

    [Fact]
    public async Task A_server_that_leaves_the_connection_open_behind_the_end_does_not_hold_the_client()
    {
        await using ScriptedServer server = new(async (_, reply) =>
        {
            await reply.BeginAsync();
            await reply.EventAsync(Text);
            await reply.ChunkAsync("data: [DONE]\n\n");
            await Task.Delay(Timeout.Infinite, reply.End);
        });
        using LoadClient client = new(LoadTarget.Of("--url", server.Url, null), chat: false, TimeSpan.FromSeconds(30), TimeProvider.System);
        RequestRecord record = await SendAsync(client);
        Assert.Equal(Outcome.Finished, record.Outcome);
        Assert.InRange(record.EndToEnd, 0, 5);
    }

    [Fact]
    public async Task A_request_is_sent_again_where_a_kept_connection_was_closed_under_it()
    {
        int asked = 0;
        await using ScriptedServer server = new(async (body, reply) =>
        {
            if (Interlocked.Increment(ref asked) == 2)
            {
                reply.HangUp();
                return;
            }

            await reply.GoodAsync(body);
        });
        using LoadClient client = Client(server);
        Assert.Equal((Outcome.Finished, 0), Ended(await SendAsync(client)));
        Assert.Equal((Outcome.Finished, 1), Ended(await SendAsync(client)));
        Assert.Equal(3, server.Asked.Length);

        static (Outcome Outcome, int Resent) Ended(RequestRecord record) => (record.Outcome, record.Resent);
    }

    [Fact]
    public async Task Nobody_there_is_unreachable()
    {
        string url;
        await using (ScriptedServer server = new((_, _) => Task.CompletedTask))
        {
            url = server.Url;
        }

        using LoadClient client = new(LoadTarget.Of("--url", url, null), chat: false, Patience, TimeProvider.System);
        RequestRecord record = await SendAsync(client);
        Assert.Equal(Outcome.Unreachable, record.Outcome);
        Assert.Contains("refused", record.Reason);
    }

    [Fact]
    public async Task A_stop_ends_a_request_as_interrupted()
    {
        await using ScriptedServer server = new(async (_, reply) =>
        {
            await reply.BeginAsync();
            await Task.Delay(Timeout.Infinite, reply.End);
        });
        using LoadClient client = new(LoadTarget.Of("--url", server.Url, null), chat: false, TimeSpan.FromMinutes(1), TimeProvider.System);
        using CancellationTokenSource stop = new(TimeSpan.FromMilliseconds(100));
        Assert.Equal(Outcome.Interrupted, (await SendAsync(client, stop.Token)).Outcome);
    }

    static async Task EndsAsync(Outcome outcome, string reason, Func<ScriptedServer.Reply, Task> answer)
    {
        await using ScriptedServer server = new((_, reply) => answer(reply));
        using LoadClient client = Client(server, outcome == Outcome.TimedOut ? Patience : null);
        RequestRecord record = await SendAsync(client);
        Assert.True(outcome == record.Outcome, $"{record.Outcome}: {record.Reason}");
        Assert.Contains(reason, record.Reason);
        Assert.InRange(record.EndToEnd, 0, 10);
        Assert.Equal((1, 0, 1), (client.Live.Sent, client.Live.Done, client.Live.Errors));
    }

    static LoadClient Client(ScriptedServer server, TimeSpan? patience = null) => new(LoadTarget.Of("--url", server.Url, null), chat: false, patience ?? TimeSpan.FromSeconds(30), TimeProvider.System);

    static Task<RequestRecord> SendAsync(LoadClient client, CancellationToken? stop = null) => client.SendAsync(
        new RequestRecord { Session = 0, Due = 0, Outcome = Outcome.Unsent, PlannedPromptTokens = 9, PlannedOutputTokens = 4 },
        """{"max_tokens": 4, "stream": true}"""u8.ToArray(),
        TimeProvider.System.GetTimestamp(),
        [],
        null,
        stop ?? TestContext.Current.CancellationToken);
}
