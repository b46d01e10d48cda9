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
        Assert.Equal((2, 64, true), ((int)seen["embeddings"]!["count"]!, (int)seen["embeddings"]!["width"]!, (bool)seen["embeddings"]!["same"]!));
        Assert.Equal(("completed", "me", (string)seen["whole"]!), ((string)seen["batch"]!["status"]!, (string)seen["batch"]!["who"]!, (string)seen["batch"]!["text"]!));
        Assert.Equal("""{"total":1,"completed":1,"failed":0}""", seen["batch"]!["counts"]!.ToJsonString());
        Assert.Equal("[true]", seen["batches"]!.ToJsonString());
        Assert.Equal(["batch", "batch_output"], seen["files"]!.AsArray().Select(purpose => (string)purpose!).Order());
        Assert.True((bool)seen["deleted"]!);
        Assert.Equal((409, "conflict"), ((int)seen["cancelled"]!["status"]!, (string)seen["cancelled"]!["code"]!));
        Assert.Equal((404, "file_not_found"), ((int)seen["noFile"]!["status"]!, (string)seen["noFile"]!["code"]!));
        Assert.Equal("chat.completion.chunk", (string)seen["left"]!);
        await server.BecomesIdleAsync();

        (int Status, string Code, string Param) Refusal(string name) => ((int)seen[name]!["status"]!, (string)seen[name]!["code"]!, (string)seen[name]!["param"]!);
    }
}
