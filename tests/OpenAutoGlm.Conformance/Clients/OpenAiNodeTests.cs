using System.Text.Json.Nodes;

namespace OpenAutoGlm.Clients;

/// <summary>The official JavaScript client against a server on a published model.</summary>
public class OpenAiNodeTests
{
    [Fact]
    public async Task The_client_finds_everything_in_its_place()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        JsonNode seen = await NodeScript.RunAsync("openai.mjs", server.BaseUrl.ToString(), "stories260K");
        Assert.Equal("""["stories260K"]""", seen["models"]!.ToJsonString());
        Assert.Equal("stories260K", (string)seen["model"]!);
        Assert.StartsWith("Once upon a time" + (string)seen["whole"]!, server.ReferenceText(), StringComparison.Ordinal);
        Assert.Equal(("assistant", "length"), ((string)seen["role"]!, (string)seen["finish"]!));
        Assert.StartsWith("req-", (string)seen["requestId"]!, StringComparison.Ordinal);
        Assert.Equal(24, (int)seen["usage"]!["completion_tokens"]!);
        Assert.Equal(((string)seen["whole"]!, (string)seen["finish"]!), ((string)seen["streamed"]!, (string)seen["streamFinish"]!));
        Assert.Equal(seen["usage"]!.ToJsonString(), seen["streamUsage"]!.ToJsonString());
        Assert.Equal(2, seen["gathered"]!.AsArray().Count);
        Assert.Equal((24, 24), ((int)seen["logprobs"]!, (int)seen["textLogprobs"]!));
        Assert.Equal(seen["whole"]!.ToJsonString(), seen["texts"]![0]!.ToJsonString());
        Assert.Equal((404, "model_not_found", "model"), Refusal("unknownModel"));
        Assert.Equal((400, "invalid_value", "temperature"), Refusal("badTemperature"));
        Assert.Matches("""^\["weather",\{"city":"(Paris|Rome)"\}\]$""", seen["call"]!.ToJsonString());
        Assert.Equal("chat.completion.chunk", (string)seen["left"]!);
        await server.BecomesIdleAsync();

        (int Status, string Code, string Param) Refusal(string name) => ((int)seen[name]!["status"]!, (string)seen[name]!["code"]!, (string)seen[name]!["param"]!);
    }
}
