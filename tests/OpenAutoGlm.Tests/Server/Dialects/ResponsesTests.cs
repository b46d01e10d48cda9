using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.OpenAi.ResponsesApi;

namespace OpenAutoGlm.Server.Dialects;

/// <summary>OpenAI's responses.</summary>
public class ResponsesTests
{
    [Fact]
    public async Task A_response_is_answered_in_one_body()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = Scripts.Everything;
        JsonNode body = await SendAsync(server, """, "metadata": {"a": "b"}, "instructions": "I", "max_output_tokens": 50, "user": "u" """).JsonAsync();
        Assert.Matches("^resp_[0-9a-f]{48}$", (string)body["id"]!);
        Assert.Equal(("response", "completed", "tiny", true), ((string)body["object"]!, (string)body["status"]!, (string)body["model"]!, (bool)body["store"]!));
        Assert.Equal(
            """[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Hmm."}],"id":"","status":"completed"},{"type":"message","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Let me see."}],"role":"assistant","id":"","status":"completed"},{"type":"function_call","arguments":"{\"city\": \"北京\"}","call_id":"call_1","name":"weather","id":"","status":"completed"},{"type":"function_call","arguments":"{\"zone\":8}","call_id":"call_2","name":"time","id":"","status":"completed"}]""",
            WithoutIds(body["output"]!).Plain());
        Assert.Equal("""{"input_tokens":7,"input_tokens_details":{"cached_tokens":3},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":16}""", body["usage"].Plain());
        Assert.Equal(("I", 50, "u", """{"a":"b"}"""), ((string)body["instructions"]!, (int)body["max_output_tokens"]!, (string)body["user"]!, body["metadata"].Plain()));
        Assert.Equal(("\"auto\"", "[]", """{"format":{"type":"text"}}"""), (body["tool_choice"].Plain(), body["tools"].Plain(), body["text"].Plain()));
        Assert.Equal("""[{"role":"system","content":"I"},{"role":"user","content":"Hi"}]""", Messages(server));
    }

    [Fact]
    public async Task A_stream_has_every_event_in_order()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = Scripts.Everything;
        List<(string Name, JsonNode Data)> events = await SendAsync(server, """, "stream": true""").NamedEventsAsync();
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(one => (int)one.Data["sequence_number"]!));
        Assert.Equal(
            """
            response.created
            response.in_progress
            response.output_item.added 0 reasoning
            response.content_part.added 0
            response.reasoning_text.delta 0 Hm
            response.reasoning_text.delta 0 m.
            response.reasoning_text.done 0 Hmm.
            response.content_part.done 0
            response.output_item.done 0 reasoning
            response.output_item.added 1 message
            response.content_part.added 1
            response.output_text.delta 1 Let me 
            response.output_text.delta 1 see.
            response.output_text.done 1 Let me see.
            response.content_part.done 1
            response.output_item.done 1 message
            response.output_item.added 2 function_call
            response.function_call_arguments.delta 2 {"city": 
            response.function_call_arguments.delta 2 "北京"}
            response.function_call_arguments.done 2 {"city": "北京"}
            response.output_item.done 2 function_call
            response.output_item.added 3 function_call
            response.function_call_arguments.delta 3 {"zone":8}
            response.function_call_arguments.done 3 {"zone":8}
            response.output_item.done 3 function_call
            response.completed
            """.ReplaceLineEndings("\n"),
            string.Join('\n', events.Select(Describe)));
        Assert.Equal(("in_progress", "[]"), ((string)events[0].Data["response"]!["status"]!, events[0].Data["response"]!["output"].Plain()));
        Assert.All(events.Where(one => one.Name.EndsWith(".delta", StringComparison.Ordinal)), one =>
            Assert.Equal((string)events.Single(added => added.Name == "response.output_item.added" && (int)added.Data["output_index"]! == (int)one.Data["output_index"]!).Data["item"]!["id"]!, (string)one.Data["item_id"]!));

        static string Describe((string Name, JsonNode Data) one) => string.Join(' ', new[]
        {
            one.Name, one.Data["output_index"]?.Plain(), (string?)(one.Data["delta"] ?? one.Data["text"] ?? one.Data["arguments"] ?? one.Data["item"]?["type"]),
        }.Where(part => part is not null));
    }

    [Fact]
    public async Task Thinking_is_its_own_summary_where_one_is_asked_for()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = [new ThinkingDelta(0, "Hm"), .. Scripts.OnlyText];
        List<(string Name, JsonNode Data)> events = await SendAsync(server, """, "stream": true, "reasoning": {"effort": "low", "summary": "auto"}""").NamedEventsAsync();
        Assert.Equal(
            ["response.output_item.added", "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "response.reasoning_summary_part.done", "response.output_item.done"],
            events.Skip(2).Take(6).Select(one => one.Name));
        Assert.Equal("""{"type":"summary_text","text":"Hm"}""", events[^1].Data["response"]!["output"]![0]!["summary"]![0].Plain());
        Assert.Equal((1024, """{"enable_thinking":true,"reasoning_effort":"low"}"""), (server.Source.Last.Thinking!.Budget, ((GenerationPrompt.Chat)server.Source.Last.Prompt).Variables.Plain()));
        JsonNode whole = await SendAsync(server, """, "reasoning": {"effort": "none", "summary": "auto"}""").JsonAsync();
        Assert.Equal("Hm", (string)whole["output"]![0]!["summary"]![0]!["text"]!);
        Assert.Equal(0, server.Source.Last.Thinking!.Budget);
    }

    [Fact]
    public async Task A_stream_joined_is_the_whole_answer_and_what_is_stored()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (GenerationEvent[] script in new[] { Scripts.Everything, Scripts.OnlyText, [], [new TextDelta(0, "a"), new ThinkingDelta(0, "b"), new TextDelta(0, "c")] })
        {
            foreach (FinishReason reason in new[] { FinishReason.Stop, FinishReason.Length })
            {
                (server.Source.Events, server.Source.Reason) = (script, reason);
                JsonNode whole = await SendAsync(server).JsonAsync();
                List<(string Name, JsonNode Data)> events = await SendAsync(server, """, "stream": true""").NamedEventsAsync();
                JsonNode last = events[^1].Data["response"]!;
                Assert.Equal(reason == FinishReason.Stop ? "response.completed" : "response.incomplete", events[^1].Name);
                JsonNode stored = await GetAsync(server, (string)last["id"]!).JsonAsync();
                Assert.True(JsonNode.DeepEquals(last, stored), $"{last.Plain()}\n{stored.Plain()}");
                Assert.Equal(last["output"].Plain(), "[" + string.Join(',', events.Where(one => one.Name == "response.output_item.done").Select(one => one.Data["item"].Plain())) + "]");
                foreach (JsonNode one in new[] { whole, last })
                {
                    (one["id"], one["created_at"], one["completed_at"], one["output"]) = (null, null, null, WithoutIds(one["output"]!));
                }

                Assert.True(JsonNode.DeepEquals(whole, last), $"{whole.Plain()}\n{last.Plain()}");
                Assert.Equal(reason == FinishReason.Stop ? null : "max_output_tokens", (string?)whole["incomplete_details"]?["reason"]);
            }
        }
    }

    [Fact]
    public async Task A_conversation_goes_on_from_a_stored_response()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = [new ThinkingDelta(0, "T"), new TextDelta(0, "A"), new ToolCallDelta(0, 0, "{\"a\":1}") { Id = "c1", Name = "f" }];
        string first = (string)(await SendAsync(server, """, "instructions": "I" """).JsonAsync())["id"]!;
        server.Source.Events = Scripts.OnlyText;
        JsonNode second = await PostAsync(server, $$"""{"model": "tiny", "previous_response_id": "{{first}}", "input": [{"type": "function_call_output", "call_id": "c1", "output": "42"}, {"role": "user", "content": [{"type": "input_text", "text": "So?"}]}]}""").JsonAsync();
        const string Expected = """[{"role":"user","content":"Hi"},{"role":"assistant","content":"A","reasoning_content":"T","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":1}},"id":"c1"}]},{"role":"tool","content":"42","tool_call_id":"c1","name":"f"},{"role":"user","content":"So?"}]""";
        Assert.Equal(Expected, Messages(server));
        Assert.Equal(first, (string)second["previous_response_id"]!);

        // Forgetting what was before leaves what came after whole.
        await server.Client.DeleteAsync("/v1/responses/" + first, TestContext.Current.CancellationToken);
        await PostAsync(server, $$"""{"model": "tiny", "previous_response_id": "{{second["id"]}}", "input": "More"}""").JsonAsync();
        Assert.StartsWith(Expected[..^1] + """,{"role":"assistant","content":"Hello"},{"role":"user","content":"More"}""", Messages(server), StringComparison.Ordinal);

        // The same by reference to items, which is how some clients do it.
        string item = (string)second["output"]![0]!["id"]!;
        await PostAsync(server, $$"""{"model": "tiny", "input": [{"role": "user", "content": "x"}, {"type": "item_reference", "id": "{{item}}"}, {"role": "user", "content": "y"}]}""").JsonAsync();
        Assert.Equal("""[{"role":"user","content":"x"},{"role":"assistant","content":"Hello"},{"role":"user","content":"y"}]""", Messages(server));
    }

    [Fact]
    public async Task A_call_that_was_cut_off_is_not_gone_on_from()
    {
        await using TestServer server = await TestServer.StartAsync();
        (server.Source.Events, server.Source.Reason) = ([new TextDelta(0, "A"), new ToolCallDelta(0, 0, "{\"a\":") { Id = "c1", Name = "f" }], FinishReason.Length);
        JsonNode cut = await SendAsync(server).JsonAsync();
        Assert.Equal(("completed", "incomplete"), ((string)cut["output"]![0]!["status"]!, (string)cut["output"]![1]!["status"]!));
        await PostAsync(server, $$"""{"model": "tiny", "previous_response_id": "{{cut["id"]}}", "input": "On"}""").JsonAsync();
        Assert.Equal("""[{"role":"user","content":"Hi"},{"role":"assistant","content":"A"},{"role":"user","content":"On"}]""", Messages(server));
        await PostAsync(server, $$"""{"model": "tiny", "previous_response_id": "{{cut["id"]}}", "input": [{"type": "function_call_output", "call_id": "c1", "output": ""}]}""").ErrorAsync(400);
    }

    [Fact]
    public async Task Stored_responses_are_told_listed_and_forgotten()
    {
        await using TestServer server = await TestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        JsonNode response = await PostAsync(server, """{"model": "tiny", "input": [{"role": "user", "content": "1", "id": "msg_1"}, {"role": "user", "content": "2"}, {"role": "user", "content": "3"}]}""").JsonAsync();
        string path = "/v1/responses/" + (string)response["id"]!;
        JsonNode list = await server.Client.GetAsync(path + "/input_items?limit=2&order=asc", cancellation).JsonAsync();
        Assert.Equal(("1 2", true, "msg_1"), (Contents(list), (bool)list["has_more"]!, (string)list["first_id"]!));
        list = await server.Client.GetAsync($"{path}/input_items?order=asc&after={list["last_id"]}", cancellation).JsonAsync();
        Assert.Equal(("3", false), (Contents(list), (bool)list["has_more"]!));
        list = await server.Client.GetAsync(path + "/input_items", cancellation).JsonAsync();
        Assert.Equal("3 2 1", Contents(list));
        foreach (string query in new[] { "/input_items?limit=0", "/input_items?limit=101", "/input_items?limit=x", "/input_items?order=up", "/input_items?include=x", "?stream=true", "/input_items?limit=1&limit=2" })
        {
            await server.Client.GetAsync(path + query, cancellation).ErrorAsync(400);
        }

        JsonNode deleted = await server.Client.DeleteAsync(path, cancellation).JsonAsync();
        Assert.Equal((true, "response"), ((bool)deleted["deleted"]!, (string)deleted["object"]!));
        Assert.Equal("response_not_found", (string)(await server.Client.GetAsync(path, cancellation).ErrorAsync(404))["code"]!);
        await server.Client.DeleteAsync(path, cancellation).ErrorAsync(404);
        await server.Client.GetAsync(path + "/input_items", cancellation).ErrorAsync(404);
        JsonNode unstored = await SendAsync(server, """, "store": false""").JsonAsync();
        await GetAsync(server, (string)unstored["id"]!).ErrorAsync(404);
        Assert.Equal("previous_response_not_found", (string)(await SendAsync(server, $$""", "previous_response_id": "{{unstored["id"]}}" """).ErrorAsync(400))["code"]!);

        static string Contents(JsonNode list) => string.Join(' ', list["data"]!.AsArray().Select(item => (string)item!["content"]!));
    }

    [Fact]
    public async Task Responses_of_one_key_are_not_told_to_another()
    {
        await using TestServer server = await TestServer.StartAsync();
        string id = (string)(await SendAsync(server).JsonAsync())["id"]!;
        HttpRequestMessage other = new(HttpMethod.Get, "/v1/responses/" + id);
        other.Headers.Add("Authorization", "Bearer other");
        await server.Client.SendAsync(other, TestContext.Current.CancellationToken).ErrorAsync(404);
        await GetAsync(server, id).JsonAsync();
    }

    [Theory]
    [InlineData("""{"input": "x"}""", "model", "missing_required_parameter")]
    [InlineData("""{"model": "tiny"}""", "input", "missing_required_parameter")]
    [InlineData("""{"model": "tiny", "input": []}""", "input", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": 1}""", "input", "invalid_type")]
    [InlineData("""{"model": "tiny", "input": "x", "background": true}""", "background", "unsupported_parameter")]
    [InlineData("""{"model": "tiny", "input": "x", "typo": null}""", "typo", "unknown_parameter")]
    [InlineData("""{"model": "tiny", "input": "x", "tools": [{"type": "web_search"}]}""", "tools[0].type", "unsupported_parameter")]
    [InlineData("""{"model": "tiny", "input": "x", "tools": [{"type": "function", "name": "a b"}]}""", "tools[0].name", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": "x", "tool_choice": "required"}""", "tool_choice", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": "x", "tools": [{"type": "function", "name": "a"}], "tool_choice": {"type": "function", "name": "b"}}""", "tool_choice", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": "x", "text": {"format": {"type": "json_schema", "name": "n"}}}""", "text.format.schema", "missing_required_parameter")]
    [InlineData("""{"model": "tiny", "input": "x", "reasoning": {"effort": "most"}}""", "reasoning.effort", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": "x", "truncation": "auto"}""", "truncation", "unsupported_parameter")]
    [InlineData("""{"model": "tiny", "input": "x", "include": ["reasoning.encrypted_content"]}""", "include", "unsupported_parameter")]
    [InlineData("""{"model": "tiny", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]}""", "input[0].content[0].type", "unsupported_parameter")]
    [InlineData("""{"model": "tiny", "input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}""", "input[0].call_id", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": [{"type": "function_call", "call_id": "c", "name": "n", "arguments": "no"}]}""", "input[0].arguments", "invalid_value")]
    [InlineData("""{"model": "tiny", "input": [{"type": "item_reference", "id": "msg_none"}]}""", "input[0].id", "item_not_found")]
    [InlineData("""{"model": "tiny", "input": [{"type": "web_search_call", "id": "x"}]}""", "input[0].type", "unsupported_parameter")]
    [InlineData("""{"model": "tiny", "input": [{"role": "user", "content": "x", "more": 1}]}""", "input[0].more", "unknown_parameter")]
    [InlineData("""{"model": "tiny", "input": [{"type": "reasoning", "summary": []}]}""", "input", "invalid_value")]
    public async Task What_cannot_be_honoured_is_refused_by_its_path(string request, string param, string code)
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode error = await PostAsync(server, request).ErrorAsync(400);
        Assert.Equal((param, code), ((string)error["param"]!, (string)error["code"]!));
    }

    [Fact]
    public async Task Every_parameter_stands_every_type()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (string name in ResponsesTable.Create.Fields.Select(field => field.Name))
        {
            foreach (string value in Scripts.Values)
            {
                JsonObject request = new() { ["model"] = "tiny", ["input"] = "x" };
                request.Remove(name);
                (int status, JsonNode answer) = await PostAsync(server, request.ToJsonString()[..^1] + $", \"{name}\": {value}}}").AnswerAsync();
                Assert.True(status is 200 or 400 or 404, $"{name}: {value} → {status} {answer.Plain()}");
                Assert.True(status == 200 || answer["error"]!["code"] is not null, answer.Plain());
            }
        }

        string nulls = string.Concat(ResponsesTable.Create.Fields.Select(field => field.Name).Except(["model", "input"]).Select(name => $", \"{name}\": null"));
        Assert.Equal(200, (await SendAsync(server, nulls).AnswerAsync()).Status);
    }

    [Fact]
    public async Task An_error_after_the_start_fails_the_response_and_stores_nothing()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Reason = FinishReason.Failed;
        List<(string Name, JsonNode Data)> events = await SendAsync(server, """, "stream": true""").NamedEventsAsync();
        Assert.Equal(("response.failed", "failed", "server_error"), (events[^1].Name, (string)events[^1].Data["response"]!["status"]!, (string)events[^1].Data["response"]!["error"]!["code"]!));
        Assert.DoesNotContain("secret", events[^1].Data.Plain(), StringComparison.Ordinal);
        await GetAsync(server, (string)events[0].Data["response"]!["id"]!).ErrorAsync(404);
        Assert.Equal(0, server.Source.Alive);
    }

    [Fact]
    public async Task Formats_and_tools_reach_the_engine()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode body = await SendAsync(server, """
            , "text": {"format": {"type": "json_schema", "name": "n", "strict": true, "schema": {"type": "object"}}}, "parallel_tool_calls": false,
              "tools": [{"type": "function", "name": "f", "description": "d", "strict": true, "parameters": {"type": "object"}}], "tool_choice": {"type": "function", "name": "f"}
            """).JsonAsync();
        GenerationRequest request = server.Source.Last;
        Assert.NotNull(request.Constraint);
        Assert.Equal(("f", false), (request.ToolChoice.Name, request.ParallelToolCalls));
        Assert.Equal("""[{"type":"function","function":{"name":"f","description":"d","parameters":{"type": "object"},"strict":true}}]""".Replace(" ", "", StringComparison.Ordinal), ((GenerationPrompt.Chat)request.Prompt).Tools.Plain().Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal("f", (string)body["tool_choice"]!["name"]!);
    }

    static JsonArray WithoutIds(JsonNode output)
    {
        JsonArray copy = output.DeepClone().AsArray();
        foreach (JsonNode? item in copy)
        {
            item!["id"] = "";
        }

        return copy;
    }

    static string Messages(TestServer server) => ((GenerationPrompt.Chat)server.Source.Last.Prompt).Messages.Plain();

    static Task<HttpResponseMessage> SendAsync(TestServer server, string more = "") => PostAsync(server, """{"model": "tiny", "input": "Hi" """ + more + "}");

    static Task<HttpResponseMessage> PostAsync(TestServer server, string body) => server.PostAsync("/v1/responses", body);

    static Task<HttpResponseMessage> GetAsync(TestServer server, string id) => server.Client.GetAsync("/v1/responses/" + id, TestContext.Current.CancellationToken);
}
