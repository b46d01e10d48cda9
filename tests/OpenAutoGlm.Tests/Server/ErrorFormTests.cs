using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server;

/// <summary>Errors outside streams in the form that the clients of an address read.</summary>
public class ErrorFormTests
{
    [Theory]
    [InlineData("/v1/messages/nothing", "not_found_error")]
    [InlineData("/v1/messages/batches", "not_found_error")]
    public async Task Errors_beneath_messages_have_anthropics_form(string path, string type)
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage response = await server.Client.GetAsync(path, TestContext.Current.CancellationToken);
        JsonNode body = await response.JsonAsync();
        Assert.Equal((404, "error", type), ((int)response.StatusCode, (string)body["type"]!, (string)body["error"]!["type"]!));
        Assert.Equal(["type", "message"], body["error"]!.AsObject().Select(field => field.Key));
        Assert.Equal(response.Headers.GetValues("X-Request-Id").Single(), (string)body["request_id"]!);
    }

    [Theory]
    [InlineData("/api")]
    [InlineData("/api/nothing")]
    [InlineData("/API/pull")]
    public async Task Errors_beneath_api_have_ollamas_form(string path)
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpResponseMessage response = await server.Client.GetAsync(path, TestContext.Current.CancellationToken);
        JsonNode body = await response.JsonAsync();
        Assert.Equal(404, (int)response.StatusCode);
        Assert.Equal(["error"], body.AsObject().Select(field => field.Key));
        Assert.StartsWith("There is nothing", (string)body["error"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/apis")]
    [InlineData("/v1/messagesx")]
    [InlineData("/v1/responses/x/y/z")]
    public async Task Errors_elsewhere_have_openais_form(string path)
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.Client.GetAsync(path, TestContext.Current.CancellationToken).ErrorAsync(404);
    }
}
