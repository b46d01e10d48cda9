using System.Text.Json.Nodes;

namespace OpenAutoGlm.Clients;

/// <summary>JavaScript clients of every dialect against a server on a published model: ordinary calls, streams, tools, schemas, errors.</summary>
public class DialectNodeTests
{
    const string Model = "stories260K";
    const string City = """^\{"city":"(Paris|Rome)"\}$""";
    const string Call = """^\["weather",\{"city":"(Paris|Rome)"\}\]$""";

    [Fact]
    public async Task Anthropics_client_finds_everything_in_its_place()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        JsonNode seen = await NodeScript.RunAsync("anthropic.mjs", server.RootUrl, Model);
        AssertReference(server, seen["whole"]);
        Assert.Equal(("assistant", "max_tokens", 24), (Text(seen["role"]), Text(seen["stop"]), (int)seen["usage"]!["output_tokens"]!));
        Assert.StartsWith("req-", Text(seen["requestId"]), StringComparison.Ordinal);
        Assert.Equal((Text(seen["whole"]), "max_tokens", 24), (Text(seen["streamed"]), Text(seen["streamStop"]), (int)seen["streamUsage"]!["output_tokens"]!));
        Assert.True((int)seen["pieces"]! > 1);
        Assert.Equal("""[", there was a little","stop_sequence"," girl"]""", seen["stopped"]!.ToJsonString());
        JsonNode usage = seen["usage"]!;
        Assert.Equal((int)usage["input_tokens"]! + (int)usage["cache_read_input_tokens"]!, (int)seen["counted"]!);
        Assert.Equal(("weather", "tool_use", "weather"), (Text(seen["call"]!["name"]), Text(seen["callStop"]), Text(seen["streamedCall"]!["name"])));
        Assert.Matches(City, seen["call"]!["input"]!.ToJsonString());
        Assert.Matches(City, seen["streamedCall"]!["input"]!.ToJsonString());
        Assert.Matches(City, seen["formed"]!.ToJsonString());
        Assert.Equal("text", Text(seen["answered"]));
        AssertRefused(seen["unknownModel"], 404, "NotFoundError", "nobody");
        AssertRefused(seen["badTemperature"], 400, "BadRequestError", "temperature");
        AssertRefused(seen["image"], 400, "BadRequestError", "images and documents are not supported yet");
        AssertRefused(seen["streamRefused"], 400, "BadRequestError", "max_tokens");
        Assert.Equal("message_start", Text(seen["left"]));
        await server.BecomesIdleAsync();
    }

    [Fact]
    public async Task OpenAis_client_keeps_responses()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        JsonNode seen = await NodeScript.RunAsync("responses.mjs", server.BaseUrl.ToString(), Model);
        AssertReference(server, seen["whole"]);
        Assert.Equal(("""["incomplete","max_output_tokens"]""", 24), (seen["status"]!.ToJsonString(), (int)seen["usage"]!["output_tokens"]!));
        Assert.Equal((Text(seen["whole"]), Text(seen["whole"])), (Text(seen["streamed"]), Text(seen["stored"])));
        Assert.Equal(
            ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.incomplete"],
            seen["events"]!.AsArray().Select(Text));
        Assert.Equal(("""[["message","user"]]""", "[true,true]"), (seen["inputItems"]!.ToJsonString(), seen["next"]!.ToJsonString()));
        AssertRefused(seen["deleted"], 404, "NotFoundError", "no longer");
        Assert.Matches(Call, seen["call"]!.ToJsonString());
        Assert.Matches(Call, seen["streamedCall"]!.ToJsonString());
        Assert.Matches(City, seen["formed"]!.ToJsonString());
        Assert.Equal("message", Text(seen["answered"]));
        AssertRefused(seen["unknownModel"], 404, "NotFoundError", "nobody");
        AssertRefused(seen["background"], 400, "BadRequestError", "background is not supported yet");
        AssertRefused(seen["search"], 400, "BadRequestError", "web_search");
        Assert.Equal("response.created", Text(seen["left"]));
        await server.BecomesIdleAsync();
    }

    [Fact]
    public async Task LangChain_calls_streams_and_forms()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        JsonNode seen = await NodeScript.RunAsync("langchain.mjs", server.BaseUrl.ToString(), Model);
        foreach (JsonNode part in new[] { seen["chat"]!, seen["responses"]! })
        {
            AssertReference(server, part["whole"]);
            Assert.Equal((Text(part["whole"]), 24), (Text(part["streamed"]), (int)part["tokens"]!));
            Assert.Matches(Call, part["call"]!.ToJsonString());
            Assert.Equal("string", Text(part["answered"]));
            Assert.Matches(City, part["formed"]!.ToJsonString());
            Assert.Equal(404, (int)part["unknownModel"]!["status"]!);
        }

        await server.BecomesIdleAsync();
    }

    [Fact]
    public async Task The_Vercel_AI_SDK_calls_streams_and_forms()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        JsonNode seen = await NodeScript.RunAsync("aisdk.mjs", server.BaseUrl.ToString(), Model);
        foreach (JsonNode part in new[] { seen["compatible"]!, seen["chat"]!, seen["responses"]! })
        {
            AssertReference(server, part["whole"]);
            Assert.Equal((Text(part["whole"]), "length", "length", 24), (Text(part["streamed"]), Text(part["finish"]), Text(part["streamFinish"]), (int)part["tokens"]!));
            Assert.Matches(Call, part["call"]!.ToJsonString());
            Assert.Matches(Call, part["streamedCall"]!.ToJsonString());
            Assert.StartsWith("Sun in ", Text(part["result"]), StringComparison.Ordinal);
            Assert.Equal(2, (int)part["steps"]!);
            Assert.Matches(City, part["formed"]!.ToJsonString());
            Assert.Equal(404, (int)part["unknownModel"]!["status"]!);
        }

        await server.BecomesIdleAsync();
    }

    [Fact]
    public async Task Ollamas_client_finds_everything_in_its_place()
    {
        await using StoriesServer server = await StoriesServer.StartAsync();
        JsonNode seen = await NodeScript.RunAsync("ollama.mjs", server.RootUrl, Model);
        Assert.Equal(("""["stories260K:latest"]""", Model, 1), (seen["models"]!.ToJsonString(), Text(seen["shown"]), (int)seen["running"]!));
        AssertReference(server, seen["whole"]);
        Assert.Equal(("""[true,"length",24]""", """[true,"length",24]"""), (seen["done"]!.ToJsonString(), seen["streamDone"]!.ToJsonString()));
        Assert.Equal((Text(seen["whole"]), Text(seen["whole"])), (Text(seen["streamed"]), Text(seen["generated"])));
        AssertReference(server, seen["generatedStream"]);
        Assert.Matches(City, seen["formed"]!.ToJsonString());
        Assert.Equal(("assistant", "assistant"), (Text(seen["offered"]), Text(seen["answered"])));
        AssertRefused(seen["unknownModel"], 404, "ResponseError", "nobody");
        AssertRefused(seen["badOption"], 400, "ResponseError", "options.mirostat is not supported yet");
        Assert.False((bool)seen["left"]!);
        await server.BecomesIdleAsync();
    }

    static string Text(JsonNode? node) => (string)node!;

    static void AssertReference(StoriesServer server, JsonNode? text) =>
        Assert.StartsWith("Once upon a time" + Text(text), server.ReferenceText(), StringComparison.Ordinal);

    static void AssertRefused(JsonNode? refusal, int status, string name, string message)
    {
        Assert.Equal((status, name), ((int)refusal!["status"]!, Text(refusal["name"])));
        Assert.Contains(message, Text(refusal["message"]), StringComparison.Ordinal);
    }
}
