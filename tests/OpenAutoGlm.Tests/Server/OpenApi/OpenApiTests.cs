using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>The document says what the server does, route by route and field by field.</summary>
public class OpenApiTests
{
    [Fact]
    public async Task Every_mapped_route_is_in_the_document_with_its_words()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode document = await server.Client.GetAsync("/openapi.json", TestContext.Current.CancellationToken).JsonAsync();
        Assert.Equal("3.1.0", (string)document["openapi"]!);
        (string Method, string Address)[] operations = [.. server.Server.Endpoints.SelectMany(OpenApiDocument.Operations)];
        Assert.Contains(("POST", "/v1/chat/completions"), operations);
        foreach ((string method, string address) in operations)
        {
            Assert.True(RouteDocuments.Of(method, address) is not null, $"{method} {address} is mapped but not described in RouteDocuments.");
            JsonNode? operation = document["paths"]![address]?[method.ToLowerInvariant()];
            Assert.True(operation is not null, $"{method} {address} is not in the document.");
            Assert.NotEmpty((string)operation["summary"]!);
        }

        int described = document["paths"]!.AsObject().Sum(path => path.Value!.AsObject().Count);
        Assert.Equal(operations.Distinct().Count(), described);
        string[] ids = [.. document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()).Select(operation => (string)operation.Value!["operationId"]!)];
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public async Task Parameters_have_their_ranges_and_unknown_ones_are_excluded()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode document = await server.Client.GetAsync("/openapi.json", TestContext.Current.CancellationToken).JsonAsync();
        JsonNode schema = document["paths"]!["/v1/chat/completions"]!["post"]!["requestBody"]!["content"]!["application/json"]!["schema"]!;
        Assert.False((bool)schema["additionalProperties"]!);
        Assert.Equal(["model", "messages"], schema["required"]!.AsArray().Select(name => (string)name!));
        JsonNode n = schema["properties"]!["n"]!;
        Assert.Equal((1, 128, 1), ((int)n["minimum"]!, (int)n["maximum"]!, (int)n["default"]!));
        Assert.Equal("path", (string)document["paths"]!["/v1/models/{id}"]!["get"]!["parameters"]![0]!["in"]!);
    }

    [Theory]
    [InlineData("integer 1 … 128; default 1", """{"type":["integer","null"],"minimum":1,"maximum":128,"default":1}""")]
    [InlineData("integer ≥ 1; default: chat the rest", """{"type":["integer","null"],"minimum":1}""")]
    [InlineData("integer ≥ 0, or −1; default 0", """{"anyOf":[{"type":"integer","minimum":0},{"const":-1},{"type":"null"}],"default":0}""")]
    [InlineData("number over 0, at most 1; default 1", """{"type":["number","null"],"exclusiveMinimum":0,"maximum":1,"default":1}""")]
    [InlineData("number −2 … 2; default 0", """{"type":["number","null"],"minimum":-2,"maximum":2,"default":0}""")]
    [InlineData("integer 0 … 20, with logprobs: true; default 0", """{"type":["integer","null"],"minimum":0,"maximum":20,"default":0}""")]
    [InlineData("64-bit integer", """{"type":["integer","null"]}""")]
    [InlineData("boolean; default false", """{"type":["boolean","null"],"default":false}""")]
    [InlineData("string, required", """{"type":"string"}""")]
    [InlineData("string of at most 256 characters", """{"type":["string","null"],"maxLength":256}""")]
    [InlineData("string, or array of at most 16 strings of 1 … 4096 characters", """{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string","minLength":1,"maxLength":4096},"maxItems":16},{"type":"null"}]}""")]
    [InlineData("string, array of strings, array of ids, array of arrays of ids; required", """{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}},{"type":"array","items":{"type":"integer","minimum":0}},{"type":"array","items":{"type":"array","items":{"type":"integer","minimum":0}}}]}""")]
    [InlineData("array of at most 256 token ids", """{"type":["array","null"],"items":{"type":"integer","minimum":0},"maxItems":256}""")]
    [InlineData("array of 1 … 10000 strings", """{"type":["array","null"],"items":{"type":"string"},"minItems":1,"maxItems":10000}""")]
    [InlineData("object of at most 64 entries", """{"type":["object","null"],"maxProperties":64}""")]
    [InlineData("object, true, or a string of JSON", """{"anyOf":[{"type":"object"},{"const":true},{"type":"string"},{"type":"null"}]}""")]
    [InlineData("\"float\" or \"base64\"; default \"float\"", """{"anyOf":[{"const":"float"},{"const":"base64"},{"type":"null"}],"default":"float"}""")]
    [InlineData("[\"text\"]", """{"anyOf":[{"const":["text"]},{"type":"null"}]}""")]
    [InlineData("\"none\" only", """{"anyOf":[{"const":"none"},{"type":"null"}]}""")]
    [InlineData("[] only", """{"anyOf":[{"const":[]},{"type":"null"}]}""")]
    [InlineData("null only", """{"type":"null"}""")]
    [InlineData("whatever the moon says", "{}")]
    public void Words_become_a_schema(string words, string expected)
    {
        JsonObject schema = ValueText.Schema(words, "x");
        schema.Remove("description");
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), schema), schema.ToJsonString());
    }

    [Fact]
    public void The_words_of_every_parameter_are_understood() => Assert.All(OpenAi.Requests.ParameterTable.All, parameter =>
    {
        JsonObject schema = FieldSchemas.Of(new DocumentedField(parameter.Name, parameter.Values, parameter.Meaning));
        Assert.True(schema.Any(part => part.Key is not ("description" or "default")), $"{parameter.Name}: '{parameter.Values}' says nothing to ValueText.");
    });
}
