using System.Net;

namespace OpenAutoGlm.Server.Access;

public class CrossOriginTests
{
    const string Page = "https://chat.example.org";

    [Theory]
    [InlineData(Page, Page, Page)]
    [InlineData(Page, "https://elsewhere.example", null)]
    [InlineData(Page, "http://chat.example.org", null)]
    [InlineData(Page, "https://chat.example.org:8443", null)]
    [InlineData("*", "https://elsewhere.example", "*")]
    [InlineData("*", null, null)]
    [InlineData(null, Page, null)]
    public async Task Only_pages_that_were_named_may_read_answers(string? named, string? origin, string? allowed)
    {
        await using TestServer server = await StartAsync(named);
        foreach (string path in (string[])["/v1/models", "/nothing"])
        {
            HttpResponseMessage response = await SendAsync(server, HttpMethod.Get, path, origin);
            Assert.Equal(allowed, Header(response, "Access-Control-Allow-Origin"));
            Assert.Equal(allowed is not null, Header(response, "Access-Control-Expose-Headers") is not null);
            Assert.Null(Header(response, "Access-Control-Allow-Credentials"));
        }
    }

    [Fact]
    public async Task A_preflight_needs_no_key_and_the_request_after_it_does()
    {
        await using TestServer server = await StartAsync(Page, new KeyRing(ApiKey.Of("ann", "ann")));
        HttpResponseMessage preflight = await SendAsync(server, HttpMethod.Options, "/v1/chat/completions", Page, "authorization, x-stainless-os");
        Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
        Assert.Equal((Page, "authorization, x-stainless-os"), (Header(preflight, "Access-Control-Allow-Origin"), Header(preflight, "Access-Control-Allow-Headers")));
        Assert.Contains("POST", Header(preflight, "Access-Control-Allow-Methods"), StringComparison.Ordinal);
        Assert.Contains("Origin", Header(preflight, "Vary"), StringComparison.Ordinal);
        HttpResponseMessage request = await SendAsync(server, HttpMethod.Post, "/v1/chat/completions", Page);
        Assert.Equal((HttpStatusCode.Unauthorized, Page), (request.StatusCode, Header(request, "Access-Control-Allow-Origin")));
    }

    [Theory]
    [InlineData("/v1/chat/completions", "https://elsewhere.example")]
    [InlineData("/admin/models", Page)]
    public async Task A_preflight_of_others_or_for_admin_is_answered_with_nothing(string path, string origin)
    {
        await using TestServer server = await StartAsync(Page);
        HttpResponseMessage response = await SendAsync(server, HttpMethod.Options, path, origin, "authorization");
        Assert.Equal((null, null), (Header(response, "Access-Control-Allow-Origin"), Header(response, "Access-Control-Allow-Headers")));
    }

    [Theory]
    [InlineData("chat.example.org")]
    [InlineData("https://chat.example.org/")]
    [InlineData("ftp://chat.example.org")]
    public void What_is_no_origin_is_refused_at_the_start(string origin) =>
        Assert.Contains(origin, Assert.Throws<ArgumentException>(() => new ServerOptions { CorsOrigins = [origin] }.Validate()).Message, StringComparison.Ordinal);

    static Task<TestServer> StartAsync(string? named, KeyRing? keys = null) =>
        TestServer.StartAsync(new ServerOptions { CorsOrigins = named is null ? [] : [named], Keys = keys });

    static Task<HttpResponseMessage> SendAsync(TestServer server, HttpMethod method, string path, string? origin, string? wanted = null)
    {
        HttpRequestMessage request = new(method, path);
        request.Headers.TryAddWithoutValidation("Origin", origin);
        if (wanted is not null)
        {
            request.Headers.Add("Access-Control-Request-Method", "POST");
            request.Headers.Add("Access-Control-Request-Headers", wanted);
        }

        return server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(", ", values) : null;
}
