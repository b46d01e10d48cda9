using System.Net;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Speculation;

namespace OpenAutoGlm.Server.Admin;

public class RunningRequestTests
{
    [Fact]
    public async Task A_running_request_is_listed_with_numbers_and_nothing_of_its_prompt()
    {
        await using TestServer server = await TestServer.StartAsync();
        TaskCompletionSource gate = new();
        server.Source.Gate = gate.Task;
        Task<HttpResponseMessage> answer = server.PostAsync("/v1/chat/completions", """{"model": "org/tiny", "user": "marker-user", "messages": [{"role": "user", "content": "marker-prompt"}]}""");
        JsonNode request = await OnlyRequestAsync(server);
        Assert.Equal(
            ["id", "request_id", "model", "route", "key", "age_seconds", "prompt_tokens", "completion_tokens", "state"],
            request.AsObject().Select(field => field.Key));
        Assert.Equal(("tiny", "/v1/chat/completions", 7, "writing"), ((string)request["model"]!, (string)request["route"]!, (int)request["prompt_tokens"]!, (string)request["state"]!));
        Assert.DoesNotContain("marker", request.ToJsonString(), StringComparison.Ordinal);
        gate.SetResult();
        Assert.Equal(HttpStatusCode.OK, (await answer).StatusCode);
        await TestServer.UntilAsync(() => Requests(server).GetAwaiter().GetResult().Count == 0);
    }

    [Fact]
    public async Task A_cancelled_request_for_one_body_is_told_who_ended_it()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Gate = new TaskCompletionSource().Task;
        Task<HttpResponseMessage> answer = server.ChatAsync();
        JsonNode request = await OnlyRequestAsync(server);
        JsonNode cancelled = await CancelAsync(server, (long)request["id"]!).JsonAsync();
        Assert.Equal("cancelling", (string)cancelled["state"]!);
        JsonNode error = await answer.ErrorAsync(499);
        Assert.Equal("request_cancelled", (string)error["code"]!);
        await TestServer.UntilAsync(() => server.Source.Alive == 0);
        await CancelAsync(server, (long)request["id"]!).ErrorAsync(404);
    }

    [Fact]
    public async Task A_cancelled_stream_ends_with_the_error_and_frees_its_sequence()
    {
        PacedRunner runner = new(new ScriptedRunner(TinyServer.Tokens.VocabularySize, TinyServer.Tokens.Encode("hello"))) { HoldAfter = 3 };
        using InferenceEngine engine = new(runner, new EngineOptions { MaxSequences = 1, CheckInvariants = true, Speculation = new() { Source = GuessSource.None } }, ownThread: true);
        await using TestServer server = await TestServer.StartAsync(new OpenAutoGlm.Engine.Generation.TextGenerator(engine, TinyServer.Tokens, TinyServer.Template));
        HttpResponseMessage stream = await server.OpenStreamAsync();
        await TestServer.UntilAsync(() => runner.Steps == 4);
        JsonNode request = await OnlyRequestAsync(server);
        Assert.InRange((int)request["completion_tokens"]!, 1, 4);
        Assert.Equal("writing", (string)request["state"]!);
        await CancelAsync(server, (long)request["id"]!).JsonAsync();
        runner.Release();
        string text = await stream.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("\"code\":\"request_cancelled\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", text, StringComparison.Ordinal);
        await TestServer.UntilAsync(() => engine.Statistics is { RunningSequences: 0, UsedKvBlocks: 0, Cancelled: 1 });
    }

    [Theory]
    [InlineData("1")]
    [InlineData("-1")]
    [InlineData("x")]
    [InlineData("99999999999999999999")]
    public async Task What_does_not_run_cannot_be_cancelled(string id)
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage response = await server.Client.PostAsync($"/admin/requests/{id}/cancel", null, TestContext.Current.CancellationToken);
        Assert.Equal("request_not_found", (string)(await Task.FromResult(response).ErrorAsync(404))["code"]!);
    }

    [Theory]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Host", "evil.example")]
    [InlineData("X-Forwarded-For", "203.0.113.7")]
    [InlineData("Forwarded", "for=203.0.113.7")]
    public async Task Another_sites_page_or_somebody_behind_a_proxy_cannot_cancel(string header, string value)
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Gate = new TaskCompletionSource().Task;
        Task<HttpResponseMessage> answer = server.ChatAsync();
        JsonNode request = await OnlyRequestAsync(server);
        HttpRequestMessage cancel = new(HttpMethod.Post, $"/admin/requests/{(long)request["id"]!}/cancel");
        Assert.True(cancel.Headers.TryAddWithoutValidation(header, value));
        await server.Client.SendAsync(cancel, TestContext.Current.CancellationToken).ErrorAsync(403);
        Assert.False(answer.IsCompleted);
        await CancelAsync(server, (long)request["id"]!).JsonAsync();
        await answer.ErrorAsync(499);
    }

    static Task<HttpResponseMessage> CancelAsync(TestServer server, long id) => server.Client.PostAsync($"/admin/requests/{id}/cancel", null, TestContext.Current.CancellationToken);

    static async Task<JsonArray> Requests(TestServer server) => (await server.Client.GetAsync("/admin/requests", TestContext.Current.CancellationToken).JsonAsync())["requests"]!.AsArray();

    /// <summary>Waits until one request runs and has written something or is about to.</summary>
    static async Task<JsonNode> OnlyRequestAsync(TestServer server)
    {
        for (int tries = 0; ; tries++)
        {
            JsonArray requests = await Requests(server);
            if (requests is [{ } request] && (string)request["state"]! == "writing")
            {
                return request;
            }

            Assert.True(tries < 1000, "No request began to write within ten seconds.");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
