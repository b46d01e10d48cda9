using System.Net;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server;

public class StatusTests
{
    [Fact]
    public async Task Models_are_listed_under_all_their_names()
    {
        await using TestServer server = await TestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        JsonNode list = await server.Client.GetAsync("/v1/models", cancellation).JsonAsync();
        Assert.Equal("list", (string)list["object"]!);
        Assert.Equal("""{"id":"tiny","created":1700000000,"root":"tiny","max_model_len":64,"object":"model","owned_by":"open-autoglm"}""", list["data"]![0]!.ToJsonString());
        Assert.Equal(["tiny", "org/tiny"], list["data"]!.AsArray().Select(entry => (string)entry!["id"]!));
        foreach (string path in new[] { "org/tiny", "org%2Ftiny", "org%2ftiny" })
        {
            JsonNode entry = await server.Client.GetAsync("/v1/models/" + path, cancellation).JsonAsync();
            Assert.Equal(("org/tiny", "tiny"), ((string)entry["id"]!, (string)entry["root"]!));
        }
    }

    [Fact]
    public async Task Health_and_version_tell_nothing_of_the_models()
    {
        await using TestServer server = await TestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Assert.Equal("""{"status":"ready"}""", await server.Client.GetStringAsync("/health", cancellation));
        JsonNode version = JsonNode.Parse(await server.Client.GetStringAsync("/version", cancellation))!;
        Assert.Equal("open-autoglm", (string)version["name"]!);
        Assert.Matches(@"^\d+\.\d+\.\d+[-.\w]*$", (string)version["version"]!);
        HttpResponseMessage head = await server.Client.SendAsync(new(HttpMethod.Head, "/health"), cancellation);
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
    }

    [Theory]
    [InlineData("abc-1.2_3:4", true)]
    [InlineData("with space", false)]
    [InlineData("x\u001b[31m", false)]
    [InlineData("", false)]
    public async Task A_request_id_is_kept_where_it_is_harmless(string id, bool kept)
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpRequestMessage request = new(HttpMethod.Get, "/health");
        request.Headers.TryAddWithoutValidation("X-Request-Id", id);
        HttpResponseMessage response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        string answered = response.Headers.GetValues("X-Request-Id").Single();
        Assert.Equal(kept, answered == id);
        Assert.Matches("^[-A-Za-z0-9_.:]{1,128}$", answered);
    }

    [Fact]
    public async Task An_endless_request_id_is_replaced()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpRequestMessage request = new(HttpMethod.Get, "/health");
        request.Headers.Add("X-Request-Id", new string('a', 129));
        HttpResponseMessage response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.StartsWith("req-", response.Headers.GetValues("X-Request-Id").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_log_has_numbers_and_nothing_that_a_client_wrote()
    {
        RecordingLog log = new();
        await using (TestServer server = await TestServer.StartAsync(new ServerOptions { LoggerFactory = log }))
        {
            await server.ChatAsync(""", "user": "marker-user" """).JsonAsync();
            await server.PostAsync("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "marker-prompt"}], "stream": true}""").EventsAsync();
            await server.PostAsync("/v1/completions", """{"model": "marker-model\n", "prompt": "marker-prompt"}""").ErrorAsync(404);
            await server.PostAsync("/v1/completions", """{"model": "tiny", "prompt": "x", "marker-name\n": 1}""").ErrorAsync(400);
            await server.Client.GetAsync("/marker-path%0A?marker-query", TestContext.Current.CancellationToken).ErrorAsync(404);
            server.Source.Fault = new InvalidOperationException("the cause");
            await server.ChatAsync().ErrorAsync(500);
        }

        Assert.DoesNotContain(log.Lines, line => line.Contains("marker", StringComparison.Ordinal) || line.Contains("Hello", StringComparison.Ordinal) || line.Contains('\n'));
        Assert.Contains(log.Lines, line => line.Contains("/v1/chat/completions 200 ok key - model tiny, 7 + 2 tokens", StringComparison.Ordinal));
        Assert.Contains(log.Lines, line => line.Contains("/v1/completions 404 model_not_found key - model -", StringComparison.Ordinal));
        Assert.Contains(log.Faults, fault => fault.ToString().Contains("the cause", StringComparison.Ordinal));
    }
}
