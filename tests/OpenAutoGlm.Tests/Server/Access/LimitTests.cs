using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;

namespace OpenAutoGlm.Server.Access;

public class LimitTests
{
    [Fact]
    public void An_allowance_lets_through_its_minutes_worth_and_then_its_rate()
    {
        HandClock clock = new();
        Allowance allowance = new(60, clock);
        int passed = 0;
        for (int tick = 0; tick < 6000; tick++)
        {
            passed += allowance.TryTake(1, out _) ? 1 : 0;
            clock.Advance(0.1);
        }

        // Sixty at once, and then one every second for ten minutes.
        Assert.InRange(passed, 659, 661);
    }

    [Fact]
    public void What_is_owed_is_paid_before_anybody_gets_more()
    {
        HandClock clock = new();
        Allowance allowance = new(600, clock);
        Assert.True(allowance.TryTake(0, out _));
        allowance.Take(900);
        Assert.False(allowance.TryTake(0, out TimeSpan wait));
        Assert.Equal(30.1, wait.TotalSeconds, 1e-6);
        Assert.Equal(0, allowance.Read().Left);
        clock.Advance(30);
        Assert.False(allowance.TryTake(0, out _));
        clock.Advance(0.2);
        Assert.True(allowance.TryTake(1, out _));
        allowance.Take(-10_000);
        Assert.Equal((600, TimeSpan.Zero), allowance.Read());
        Assert.True(allowance.TryTake(1_000_000, out _));
        Assert.False(allowance.TryTake(1_000_000, out wait));
        Assert.Equal(60, wait.TotalSeconds, 1e-6);
    }

    [Fact]
    public async Task Requests_beyond_the_limit_are_refused_until_their_time_comes()
    {
        HandClock clock = new();
        await using TestServer server = await StartAsync(clock, ApiKey.Of("ann", "ann") with { RequestsPerMinute = 3 }, ApiKey.Of("ben", "ben"));
        for (int i = 3; i > 0; i--)
        {
            HttpResponseMessage response = await ChatAsync(server, "ann");
            Assert.Equal((HttpStatusCode.OK, "3", (i - 1).ToString(CultureInfo.InvariantCulture)), (response.StatusCode, Header(response, "x-ratelimit-limit-requests"), Header(response, "x-ratelimit-remaining-requests")));
        }

        HttpResponseMessage refused = await ChatAsync(server, "ann");
        Assert.Equal(("20", "0", "60s"), (Header(refused, "Retry-After"), Header(refused, "x-ratelimit-remaining-requests"), Header(refused, "x-ratelimit-reset-requests")));
        JsonNode error = await Task.FromResult(refused).ErrorAsync(429);
        Assert.Equal(("rate_limit_error", "rate_limit_exceeded"), ((string)error["type"]!, (string)error["code"]!));
        Assert.Equal(HttpStatusCode.OK, (await ChatAsync(server, "ben")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, new HttpRequestMessage(HttpMethod.Get, "/v1/models"), "ann")).StatusCode);
        clock.Advance(20.01);
        Assert.Equal(HttpStatusCode.OK, (await ChatAsync(server, "ann")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await ChatAsync(server, "ann")).StatusCode);
    }

    [Fact]
    public async Task Tokens_are_reserved_and_settled_by_what_was_used()
    {
        HandClock clock = new();
        await using TestServer server = await StartAsync(clock, ApiKey.Of("ann", "ann") with { TokensPerMinute = 100 });
        // Seven of the prompt and two of the answer; the reserved fifty are given back.
        Assert.Equal(HttpStatusCode.OK, (await ChatAsync(server, "ann", ", \"max_tokens\": 50")).StatusCode);
        HttpResponseMessage response = await SendAsync(server, new HttpRequestMessage(HttpMethod.Get, "/v1/models"), "ann");
        Assert.Equal("91", Header(response, "x-ratelimit-remaining-tokens"));
        server.Source.PromptTokens = 500;
        Assert.Equal(HttpStatusCode.OK, (await ChatAsync(server, "ann")).StatusCode);
        HttpResponseMessage refused = await ChatAsync(server, "ann");
        Assert.Equal((HttpStatusCode.TooManyRequests, "248"), (refused.StatusCode, Header(refused, "Retry-After")));
        Assert.Equal("tokens_limit_exceeded", (string)(await refused.JsonAsync())["error"]!["code"]!);
        clock.Advance(248);
        Assert.Equal(HttpStatusCode.OK, (await ChatAsync(server, "ann")).StatusCode);
    }

    [Fact]
    public async Task Going_before_the_end_does_not_make_tokens_free()
    {
        HandClock clock = new();
        await using TestServer server = await StartAsync(clock, ApiKey.Of("ann", "ann") with { TokensPerMinute = 1000 });
        server.Source.Pieces = [.. Enumerable.Repeat("a", 40)];
        server.Source.Gate = new TaskCompletionSource().Task;
        HttpRequestMessage request = Chat(", \"stream\": true");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "ann");
        using (HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken))
        {
            using StreamReader reader = new(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            for (int line = 0; line < 80; line++)
            {
                await reader.ReadLineAsync(TestContext.Current.CancellationToken);
            }
        }

        await TestServer.UntilAsync(() => server.Source.Alive == 0);
        await TestServer.UntilAsync(() => Header(SendAsync(server, new HttpRequestMessage(HttpMethod.Get, "/v1/models"), "ann").Result, "x-ratelimit-remaining-tokens") == "953");
    }

    [Fact]
    public async Task A_changed_file_gives_nobody_a_fresh_allowance()
    {
        HandClock clock = new();
        ApiKey key = ApiKey.Of("ann", "ann") with { RequestsPerMinute = 1 };
        KeyRing keys = new(key);
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { Keys = keys, TimeProvider = clock, KeepAliveInterval = null });
        Assert.Equal(HttpStatusCode.OK, (await ChatAsync(server, "ann")).StatusCode);
        keys.Replace([key with { Priority = 1 }]);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await ChatAsync(server, "ann")).StatusCode);
        keys.Replace([key with { RequestsPerMinute = 2 }]);
        Assert.Equal(HttpStatusCode.OK, (await ChatAsync(server, "ann")).StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_that_takes_too_long_is_ended(bool stream)
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { RequestTimeout = TimeSpan.FromSeconds(7) });
        (server.Source.Reason, server.Source.Cancellation) = (FinishReason.Cancelled, CancellationReason.Deadline);
        if (stream)
        {
            Assert.Contains("time_limit", (await server.ChatAsync(", \"stream\": true").EventsAsync())[^1], StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal("time_limit", (string)(await server.ChatAsync().ErrorAsync(504))["code"]!);
        }

        Assert.Equal(TimeSpan.FromSeconds(7), server.Source.Last.Timeout);
    }

    static Task<TestServer> StartAsync(TimeProvider clock, params ApiKey[] keys) =>
        TestServer.StartAsync(new ServerOptions { Keys = new KeyRing(keys), TimeProvider = clock, KeepAliveInterval = null });

    static HttpRequestMessage Chat(string more) =>
        TestServer.Post("/v1/chat/completions", Encoding.UTF8.GetBytes("""{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]""" + more + "}"));

    static Task<HttpResponseMessage> ChatAsync(TestServer server, string key, string more = "") => SendAsync(server, Chat(more), key);

    static Task<HttpResponseMessage> SendAsync(TestServer server, HttpRequestMessage request, string key)
    {
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.Single() : null;
}
