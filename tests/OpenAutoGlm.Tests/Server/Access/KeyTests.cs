using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace OpenAutoGlm.Server.Access;

public partial class KeyTests
{
    const string User = "oag-user";
    const string Admin = "oag-admin";
    const string Monitor = "oag-monitor";

    static KeyRing Keys => new(ApiKey.Of("ann", User), ApiKey.Of("root", Admin) with { Role = KeyRole.Admin }, ApiKey.Of("prometheus", Monitor) with { Role = KeyRole.Monitor });

    [Fact]
    public async Task Every_address_asks_for_the_key()
    {
        await using TestServer server = await StartAsync(new ServerOptions { Keys = Keys, OpenRoutes = [] });
        (string Method, string Path)[] all = [.. server.Server.Endpoints.OfType<RouteEndpoint>().SelectMany(endpoint =>
            (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(method => (method, Parameter().Replace(endpoint.RoutePattern.RawText!, "x"))))];
        Assert.Contains(("POST", "/v1/chat/completions"), all);
        Assert.Contains(("GET", "/metrics"), all);
        foreach ((string method, string path) in all.Concat([("GET", "/"), ("GET", "/nothing"), ("DELETE", "/v1/models"), ("OPTIONS", "/v1/models"), ("GET", "/HEALTH"), ("GET", "/admin/x")]))
        {
            foreach (string? key in (string?[])[null, "Bearer wrong", "Bearer", "Bearer ", "Basic !", "Basic Ondyb25n", User])
            {
                HttpResponseMessage response = await SendAsync(server, method, path, key);
                Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{method} {path} with {key}: {response.StatusCode}");
                Assert.StartsWith(path == "/" ? "Basic" : "Bearer", response.Headers.WwwAuthenticate.Single().ToString(), StringComparison.Ordinal);
            }

            Assert.NotEqual(HttpStatusCode.Unauthorized, (await SendAsync(server, method, path, $"Bearer {Admin}")).StatusCode);
        }
    }

    [Fact]
    public async Task Only_what_was_opened_by_name_is_open()
    {
        await using TestServer server = await StartAsync(new ServerOptions { Keys = Keys });
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, "GET", "/health", null)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, "GET", "/ready", null)).StatusCode);
        foreach (string path in (string[])["/health/x", "/healthy", "/metrics", "/version", "/v1/models", "/openapi.json", "/"])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(server, "GET", path, null)).StatusCode);
        }

        await using TestServer open = await StartAsync(new ServerOptions { Keys = Keys, OpenRoutes = ["/metrics"] });
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(open, "GET", "/metrics", null)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(open, "GET", "/metrics", $"Bearer {User}")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(open, "GET", "/health", null)).StatusCode);
    }

    [Fact]
    public async Task A_key_may_be_shown_in_three_ways()
    {
        await using TestServer server = await StartAsync(new ServerOptions { Keys = Keys });
        string basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"anybody:{User}"));
        foreach (string shown in (string[])[$"Bearer {User}", $"bearer {User}", basic])
        {
            Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, "GET", "/v1/models", shown)).StatusCode);
        }

        HttpRequestMessage anthropic = new(HttpMethod.Get, "/v1/models");
        anthropic.Headers.Add("x-api-key", User);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.SendAsync(anthropic, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Theory]
    [InlineData("none", "same-origin", true)]
    [InlineData("http://elsewhere.example", null, false)]
    [InlineData(null, "cross-site", false)]
    [InlineData("null", null, false)]
    [InlineData(null, null, true)]
    public async Task A_password_that_the_browser_keeps_serves_no_other_sites_page(string? origin, string? site, bool allowed)
    {
        await using TestServer server = await StartAsync(new ServerOptions { Keys = Keys });
        HttpRequestMessage request = TestServer.Post("/v1/chat/completions", Chat());
        request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($":{Admin}")));
        request.Headers.TryAddWithoutValidation("Origin", origin);
        request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", site);
        Assert.Equal(allowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden, (await server.Client.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Theory]
    [InlineData(User, "/v1/models", 200)]
    [InlineData(User, "/metrics", 403)]
    [InlineData(User, "/admin/models", 403)]
    [InlineData(User, "/Admin/models", 403)]
    [InlineData(User, "/%61dmin/models", 403)]
    [InlineData(User, "/version", 200)]
    [InlineData(Monitor, "/metrics", 200)]
    [InlineData(Monitor, "/ready", 200)]
    [InlineData(Monitor, "/v1/models", 403)]
    [InlineData(Monitor, "/admin/models", 403)]
    [InlineData(Admin, "/metrics", 200)]
    [InlineData(Admin, "/v1/models", 200)]
    public async Task A_role_opens_what_it_is_for(string key, string path, int status)
    {
        await using TestServer server = await StartAsync(new ServerOptions { Keys = Keys });
        Assert.Equal(status, (int)(await SendAsync(server, "GET", path, $"Bearer {key}")).StatusCode);
    }

    [Fact]
    public async Task A_refusal_has_the_form_of_its_dialect_and_repeats_no_key()
    {
        await using TestServer server = await StartAsync(new ServerOptions { Keys = Keys });
        JsonNode error = await SendAsync(server, "POST", "/v1/chat/completions", "Bearer oag-secret").ErrorAsync(401);
        Assert.Equal(("invalid_request_error", "invalid_api_key"), ((string)error["type"]!, (string)error["code"]!));
        JsonNode anthropic = await SendAsync(server, "POST", "/v1/messages", null).JsonAsync();
        Assert.Equal(("error", "authentication_error"), ((string)anthropic["type"]!, (string)anthropic["error"]!["type"]!));
        JsonNode ollama = await SendAsync(server, "POST", "/api/chat", "Bearer oag-secret").JsonAsync();
        Assert.Equal(JsonValue.Create("x").GetValueKind(), ollama["error"]!.GetValueKind());
        Assert.All([error, anthropic, ollama], body => Assert.DoesNotContain("oag-secret", body.ToJsonString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_are_exchanged_while_the_server_runs()
    {
        KeyRing keys = Keys;
        await using TestServer server = await StartAsync(new ServerOptions { Keys = keys });
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, "GET", "/v1/models", $"Bearer {User}")).StatusCode);
        keys.Replace([ApiKey.Of("ann", "oag-new")]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(server, "GET", "/v1/models", $"Bearer {User}")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, "GET", "/v1/models", "Bearer oag-new")).StatusCode);
    }

    [Fact]
    public async Task A_key_decides_tenant_priority_cache_and_models()
    {
        KeyRing keys = new(
            ApiKey.Of("slow", "slow") with { Priority = 5, OwnCache = true },
            ApiKey.Of("fast", "fast") with { Priority = -5 },
            ApiKey.Of("other", "other") with { Models = ["another"] },
            ApiKey.Of("root", "root") with { Role = KeyRole.Admin });
        await using TestServer server = await StartAsync(new ServerOptions { Keys = keys });
        await ChatAsync(server, "slow", ", \"user\": \"me\"").JsonAsync();
        Assert.Equal(("slow", 5), (server.Source.Last.Tenant, server.Source.Last.Priority));
        string? salt = server.Source.Last.CacheSalt;
        Assert.NotNull(salt);
        await ChatAsync(server, "slow", ", \"cache_salt\": \"x\", \"priority\": 9").JsonAsync();
        Assert.NotEqual(salt, server.Source.Last.CacheSalt);
        Assert.Equal(9, server.Source.Last.Priority);
        Assert.Equal("priority_not_allowed", (string)(await ChatAsync(server, "slow", ", \"priority\": 4").ErrorAsync(403))["code"]!);
        await ChatAsync(server, "fast").JsonAsync();
        Assert.Equal((-5, null), (server.Source.Last.Priority, server.Source.Last.CacheSalt));
        await ChatAsync(server, "root", ", \"priority\": -100").JsonAsync();
        Assert.Equal(-100, server.Source.Last.Priority);
        Assert.Equal("model_not_allowed", (string)(await ChatAsync(server, "other").ErrorAsync(403))["code"]!);
        Assert.Empty((await SendAsync(server, "GET", "/v1/models", "Bearer other").JsonAsync())["data"]!.AsArray());
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(server, "GET", "/v1/models/tiny", "Bearer other")).StatusCode);
    }

    [Fact]
    public async Task Without_keys_admin_addresses_answer_this_machine_and_its_own_pages_only()
    {
        await using TestServer server = await StartAsync(new ServerOptions());
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(server, "POST", "/admin/none", null)).StatusCode);
        foreach ((string name, string value) in ((string, string)[])[("Host", "rebound.example"), ("Origin", "http://elsewhere.example"), ("Sec-Fetch-Site", "cross-site")])
        {
            HttpRequestMessage request = new(HttpMethod.Post, "/admin/none");
            request.Headers.TryAddWithoutValidation(name, value);
            Assert.Equal(HttpStatusCode.Forbidden, (await server.Client.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode);
        }
    }

    [Fact]
    public async Task What_is_done_beneath_admin_is_written_down_with_the_keys_name()
    {
        RecordingLog log = new();
        await using TestServer server = await StartAsync(new ServerOptions { Keys = Keys, LoggerFactory = log });
        await SendAsync(server, "POST", "/admin/none?secret-query", $"Bearer {Admin}");
        await WrittenAsync(1);
        await SendAsync(server, "GET", "/admin/none", $"Bearer {User}");
        await WrittenAsync(2);
        await SendAsync(server, "GET", "/admin/none", $"Bearer {Admin}");
        await SendAsync(server, "DELETE", "/admin/none", "Bearer secret-key");
        await WrittenAsync(3);
        string[] lines = [.. Lines()];
        Assert.Equal(["key root 404", "key ann 403", "key - 401"], lines.Select(line => $"key {Audited().Match(line).Groups[1].Value} {Audited().Match(line).Groups[2].Value}"));
        Assert.DoesNotContain(log.Lines, line => line.Contains("secret", StringComparison.Ordinal) || line.Contains("oag-", StringComparison.Ordinal));

        IEnumerable<string> Lines() => log.Lines.Where(line => line.Contains(" from ", StringComparison.Ordinal));

        // An answer is under way before its line is.
        Task WrittenAsync(int count) => TestServer.UntilAsync(() => Lines().Count() == count);
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"key (\S+) from .* (\d{3}) ")]
    private static partial Regex Audited();

    static Task<TestServer> StartAsync(ServerOptions options) => TestServer.StartAsync(options);

    static byte[] Chat(string more = "") => Encoding.UTF8.GetBytes("""{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]""" + more + "}");

    static Task<HttpResponseMessage> ChatAsync(TestServer server, string key, string more = "")
    {
        HttpRequestMessage request = TestServer.Post("/v1/chat/completions", Chat(more));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    static Task<HttpResponseMessage> SendAsync(TestServer server, string method, string path, string? authorization)
    {
        HttpRequestMessage request = new(new HttpMethod(method), path);
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        return server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
