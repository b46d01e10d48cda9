using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Server;

/// <summary>Tool calls and thinking on OpenAI's chat route, over a real engine whose model says what it is told where it may.</summary>
public class ToolCallTests
{
    const string Tools = """, "tools": [{"type": "function", "function": {"name": "get", "description": "d", "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"], "additionalProperties": false}}}]""";
    const string Call = "So.\n<tool_call>\n{\"name\": \"get\", \"arguments\": {\"on\": true}}\n</tool_call>";

    static readonly Tokenizer Tokens = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());

    static readonly ChatTemplate Template = ChatTemplate.Parse(
        "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}{% for m in messages %}{{ m.role }}:{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.arguments | tojson }}</tool_call>{% endfor %};{% endfor %}");

    [Fact]
    public async Task A_call_is_answered_whole()
    {
        await using TestServer server = await ServerAsync(Call);
        JsonNode choice = (await server.ChatAsync(Tools).JsonAsync())["choices"]![0]!;
        JsonNode call = choice["message"]!["tool_calls"]!.AsArray().Single()!;
        Assert.Equal(("So.", "tool_calls"), ((string?)choice["message"]!["content"], (string?)choice["finish_reason"]));
        Assert.Equal(("function", "get", "{\"on\": true}"), ((string?)call["type"], (string?)call["function"]!["name"], (string?)call["function"]!["arguments"]));
        Assert.StartsWith("call_", (string?)call["id"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_is_streamed_piece_by_piece()
    {
        await using TestServer server = await ServerAsync(Call);
        JsonNode[] choices = [.. (await server.ChatAsync(Tools + """, "stream": true""").EventsAsync())[..^1].Select(text => JsonNode.Parse(text)!["choices"]![0]!)];
        JsonNode[] calls = [.. choices.Select(choice => choice["delta"]!["tool_calls"]?[0]).OfType<JsonNode>()];
        Assert.All(calls, call => Assert.Equal(0, (int)call["index"]!));
        Assert.Equal(("get", "function"), ((string?)calls[0]["function"]!["name"], (string?)calls[0]["type"]));
        Assert.All(calls[1..], call => Assert.False(call.AsObject().ContainsKey("id")));
        Assert.Equal("{\"on\": true}", string.Concat(calls.Select(call => (string?)call["function"]!["arguments"])));
        Assert.True(calls.Length > 1);
        Assert.Equal("So.", string.Concat(choices.Select(choice => (string?)choice["delta"]!["content"])));
        Assert.Equal("tool_calls", (string?)choices[^1]["finish_reason"]);
    }

    [Fact]
    public async Task A_conversation_goes_on_with_the_call_and_its_result()
    {
        await using TestServer server = await ServerAsync("Done");
        string messages = """[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get", "arguments": "{\"on\": true}"}}]}, {"role": "tool", "tool_call_id": "c1", "content": "42"}]""";
        JsonNode body = await server.PostAsync("/v1/chat/completions", $$"""{"model": "tiny", "messages": {{messages}}}""").JsonAsync();
        Assert.Equal("Done", (string?)body["choices"]![0]!["message"]!["content"]);
        Assert.Equal(Tokens.Encode("user:Hi;assistant:<tool_call>{\"on\": true}</tool_call>;tool:42;").Length, (int)body["usage"]!["prompt_tokens"]!);
    }

    [Theory]
    [InlineData(""", "tool_choice": "required" """)]
    [InlineData(""", "tool_choice": {"type": "function", "function": {"name": "get"}}""")]
    public async Task A_call_that_is_asked_for_comes(string choice)
    {
        string head = "<tool_call>\n{\"name\": \"get\", \"arguments\": ";
        await using TestServer server = await ServerAsync("<" + new string('x', head.Length - 1) + "{\"on\": true}}\n</tool_call>");
        JsonNode message = (await server.ChatAsync(Tools + choice + """, "temperature": 0""").JsonAsync())["choices"]![0]!["message"]!;
        Assert.Null(message["content"]);
        Assert.Equal("{\"on\": true}", (string?)message["tool_calls"]![0]!["function"]!["arguments"]);
    }

    [Theory]
    [InlineData(""", "tools": [{"type": "function", "function": {"name": "get", "strict": true, "parameters": {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true}}}}}]""", "tools[0].function.parameters.properties.a.uniqueItems")]
    [InlineData(""", "tools": [{"type": "custom", "custom": {}}]""", "tools[0].type")]
    [InlineData(""", "tools": [{"type": "function", "function": {"name": "a b"}}]""", "tools[0].function.name")]
    [InlineData(""", "tools": [{"type": "function", "function": {"name": "a", "parameters": []}}]""", "tools[0].function.parameters")]
    [InlineData(""", "tools": [{"type": "function", "function": {"name": "a", "return": 1}}]""", "tools[0].function.return")]
    [InlineData(Tools + """, "response_format": {"type": "json_object"}""", "response_format")]
    [InlineData(Tools + """, "use_beam_search": true, "temperature": 0, "n": 2""", "use_beam_search")]
    [InlineData(""", "enable_thinking": true, "use_beam_search": true, "temperature": 0, "n": 2""", "use_beam_search")]
    public async Task What_cannot_be_kept_is_refused_with_its_path(string parameters, string path)
    {
        await using TestServer server = await ServerAsync("x");
        Assert.Equal(path, (string?)(await server.ChatAsync(parameters).ErrorAsync(400))["param"]);
    }

    [Theory]
    [InlineData("", "<think>Hm</think>\nYes", null)]
    [InlineData(""", "return_reasoning": true""", "Yes", "Hm")]
    [InlineData(""", "enable_thinking": true""", "Yes", "Hm")]
    [InlineData(""", "enable_thinking": true, "return_reasoning": false""", "<think>Hm</think>\nYes", null)]
    [InlineData(""", "reasoning_effort": "high" """, "Yes", "Hm")]
    public async Task Thinking_stands_where_the_client_wants_it(string parameters, string content, string? reasoning)
    {
        await using TestServer server = await ServerAsync("<think>Hm</think>\nYes");
        JsonNode message = (await server.ChatAsync(parameters).JsonAsync())["choices"]![0]!["message"]!;
        Assert.Equal((content, reasoning), ((string?)message["content"], (string?)message["reasoning_content"]));
        JsonNode[] deltas = [.. (await server.ChatAsync(parameters + """, "stream": true""").EventsAsync())[..^1].Select(text => JsonNode.Parse(text)!["choices"]![0]!["delta"]!)];
        Assert.Equal(content, string.Concat(deltas.Select(delta => (string?)delta["content"])));
        Assert.Equal(reasoning ?? "", string.Concat(deltas.Select(delta => (string?)delta["reasoning_content"])));
    }

    static async Task<TestServer> ServerAsync(string answer)
    {
        int[] script = [.. answer.SelectMany(character => Tokens.Encode(character.ToString())), Tokens.EosId!.Value];
        InferenceEngine engine = new(new ScriptedRunner(Tokens.VocabularySize, script), new EngineOptions(), ownThread: true);
        return await TestServer.StartAsync(new TextGenerator(engine, Tokens, Template));
    }
}
