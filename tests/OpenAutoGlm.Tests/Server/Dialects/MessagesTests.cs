using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Anthropic;

namespace OpenAutoGlm.Server.Dialects;

/// <summary>Anthropic's messages.</summary>
public class MessagesTests
{
    [Fact]
    public async Task A_message_is_answered_in_one_body()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = Scripts.Everything;
        JsonNode body = await SendAsync(server).JsonAsync();
        Assert.StartsWith("msg_", (string)body["id"]!, StringComparison.Ordinal);
        Assert.Equal(("message", "assistant", "tiny"), ((string)body["type"]!, (string)body["role"]!, (string)body["model"]!));
        Assert.Equal(
            """[{"type":"thinking","thinking":"Hmm.","signature":"open-autoglm"},{"type":"text","text":"Let me see.","citations":null},{"type":"tool_use","id":"call_1","name":"weather","input":{"city":"北京"}},{"type":"tool_use","id":"call_2","name":"time","input":{"zone":8}}]""",
            body["content"].Plain().Replace("{\"city\": ", "{\"city\":", StringComparison.Ordinal));
        Assert.Equal(("tool_use", null), ((string)body["stop_reason"]!, (string?)body["stop_sequence"]));
        Assert.Equal("""{"input_tokens":4,"cache_read_input_tokens":3,"output_tokens":9,"cache_creation_input_tokens":0}""", body["usage"].Plain());
        Assert.Equal(0, server.Source.Alive);
    }

    [Fact]
    public async Task A_stream_has_every_event_in_order()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = Scripts.Everything;
        List<(string Name, JsonNode Data)> events = await SendAsync(server, """, "stream": true""").NamedEventsAsync();
        Assert.Equal(
            """
            message_start
            ping
            content_block_start 0 {"type":"thinking","thinking":"","signature":""}
            content_block_delta 0 {"type":"thinking_delta","thinking":"Hm"}
            content_block_delta 0 {"type":"thinking_delta","thinking":"m."}
            content_block_delta 0 {"type":"signature_delta","signature":"open-autoglm"}
            content_block_stop 0
            content_block_start 1 {"type":"text","text":"","citations":null}
            content_block_delta 1 {"type":"text_delta","text":"Let me "}
            content_block_delta 1 {"type":"text_delta","text":"see."}
            content_block_stop 1
            content_block_start 2 {"type":"tool_use","id":"call_1","name":"weather","input":{}}
            content_block_delta 2 {"type":"input_json_delta","partial_json":"{\"city\": "}
            content_block_delta 2 {"type":"input_json_delta","partial_json":"\"北京\"}"}
            content_block_stop 2
            content_block_start 3 {"type":"tool_use","id":"call_2","name":"time","input":{}}
            content_block_delta 3 {"type":"input_json_delta","partial_json":"{\"zone\":8}"}
            content_block_stop 3
            message_delta {"stop_reason":"tool_use","stop_sequence":null}
            message_stop
            """.ReplaceLineEndings("\n"),
            string.Join('\n', events.Select(Describe)));
        JsonNode start = events[0].Data["message"]!;
        Assert.Equal(("[]", null, 7, 0), (start["content"].Plain(), (string?)start["stop_reason"], (int)start["usage"]!["input_tokens"]!, (int)start["usage"]!["output_tokens"]!));
        Assert.Equal((4, 3, 9), ((int)events[^2].Data["usage"]!["input_tokens"]!, (int)events[^2].Data["usage"]!["cache_read_input_tokens"]!, (int)events[^2].Data["usage"]!["output_tokens"]!));

        static string Describe((string Name, JsonNode Data) one) => string.Join(' ', new[]
        {
            one.Name, one.Data["index"]?.Plain(), (one.Data["content_block"] ?? one.Data["delta"])?.Plain(),
        }.Where(part => part is not null));
    }

    [Fact]
    public async Task A_stream_joined_is_the_whole_answer()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (GenerationEvent[] script in new[] { Scripts.Everything, Scripts.OnlyText, [], [new TextDelta(0, "a"), new ThinkingDelta(0, "b"), new TextDelta(0, "c")] })
        {
            server.Source.Events = script;
            JsonNode whole = await SendAsync(server).JsonAsync();
            JsonNode joined = Join(await SendAsync(server, """, "stream": true""").NamedEventsAsync());
            whole["id"] = joined["id"] = null;
            Assert.True(JsonNode.DeepEquals(whole, joined), $"{whole.Plain()}\n{joined.Plain()}");
        }
    }

    [Theory]
    [InlineData(FinishReason.Stop, null, "end_turn")]
    [InlineData(FinishReason.Stop, "END", "stop_sequence")]
    [InlineData(FinishReason.Length, null, "max_tokens")]
    public async Task The_reason_of_the_end_is_told(FinishReason reason, string? stop, string expected)
    {
        await using TestServer server = await TestServer.StartAsync();
        (server.Source.Reason, server.Source.StopString) = (reason, stop);
        JsonNode body = await SendAsync(server, """, "stop_sequences": ["END"]""").JsonAsync();
        Assert.Equal((expected, stop), ((string)body["stop_reason"]!, (string?)body["stop_sequence"]));
        Assert.Equal(["END"], server.Source.Last.Stop);
    }

    [Fact]
    public async Task A_conversation_with_tools_and_thinking_reaches_the_template_in_its_form()
    {
        await using TestServer server = await TestServer.StartAsync();
        await PostAsync(server, """
            {"model": "tiny", "max_tokens": 2000, "system": [{"type": "text", "text": "Be", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "brief."}],
             "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "Look.", "signature": "s"}, {"type": "text", "text": "I look."}, {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "X"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "no"}], "is_error": true}, {"type": "text", "text": "And"}, {"type": "text", "text": "now?"}]}],
             "tools": [{"name": "weather", "description": "Tells it.", "input_schema": {"type": "object"}, "type": "custom"}],
             "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": true},
             "thinking": {"type": "enabled", "budget_tokens": 1024}, "metadata": {"user_id": "u"}, "temperature": 0.5, "top_p": 0.9, "top_k": 3}
            """).JsonAsync();
        GenerationRequest request = server.Source.Last;
        GenerationPrompt.Chat chat = Assert.IsType<GenerationPrompt.Chat>(request.Prompt);
        Assert.Equal(
            """[{"role":"system","content":"Be\nbrief."},{"role":"user","content":"Weather?"},{"role":"assistant","content":"I look.","reasoning_content":"Look.","tool_calls":[{"type":"function","function":{"name":"weather","arguments":{"city":"X"}},"id":"t1"}]},{"role":"tool","content":"Error: no","tool_call_id":"t1","name":"weather"},{"role":"user","content":"And\nnow?"}]""",
            chat.Messages.Plain().Replace("{\"city\": \"X\"}", "{\"city\":\"X\"}", StringComparison.Ordinal));
        Assert.Equal("weather", (string)chat.Tools![0]!["function"]!["name"]!);
        Assert.Equal("""{"enable_thinking":true}""", chat.Variables.Plain());
        Assert.Equal((true, 1024), (request.Thinking!.Apart, request.Thinking.Budget));
        Assert.Equal(("weather", false, "u", 2000), (request.ToolChoice.Name, request.ParallelToolCalls, request.Tenant, request.MaxTokens));
        Assert.Equal((0.5f, 0.9f, 3), (request.Sampling.Temperature, request.Sampling.TopP, request.Sampling.TopK));
    }

    [Fact]
    public async Task Tokens_are_counted_without_running()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Counts = true;
        (int status, JsonNode body) = await server.PostAsync("/v1/messages/count_tokens", """{"model": "tiny", "system": "S", "messages": [{"role": "user", "content": "Hi"}]}""").AnswerAsync();
        Assert.Equal((200, """{"input_tokens":7}"""), (status, body.Plain()));
        Assert.Equal(2, ((GenerationPrompt.Chat)server.Source.Encoded!).Messages.Count);
        Assert.Empty(server.Source.Requests);
        (status, body) = await server.PostAsync("/v1/messages/count_tokens", """{"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}""").AnswerAsync();
        Assert.Equal(400, status);
        AssertError(body, "invalid_request_error");
        server.Source.Refusal = new RequestRefusedException(RefusalReason.TemplateRefused, "messages", "No.");
        (status, _) = await server.PostAsync("/v1/messages/count_tokens", """{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}""").AnswerAsync();
        Assert.Equal(400, status);
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}""", "model is required")]
    [InlineData("""{"model": "tiny", "max_tokens": 1}""", "messages is required")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}]}""", "max_tokens is required")]
    [InlineData("""{"model": "tiny", "messages": [], "max_tokens": 1}""", "messages must have at least 1")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}], "max_tokens": 1}""", "messages[0].content[0].type is image")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": [{"type": "document"}]}], "max_tokens": 1}""", "messages[0].content[0].type is document")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}], "max_tokens": 1}""", "messages[0].content[0].tool_use_id names no")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": [{"type": "text", "text": "x", "more": 1}]}], "max_tokens": 1}""", "messages[0].content[0].more is not a field")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "system", "content": "x"}], "max_tokens": 1}""", "messages[0].role is 'system'")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "max_tokens": 1}""", "ends with the assistant")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1, "more": null}""", "'more' is not a parameter")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10, "thinking": {"type": "enabled", "budget_tokens": 10}}""", "budget_tokens is 10")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}""", "tools[0].type is 'web_search_20250305'")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10, "tool_choice": {"type": "any"}}""", "there are no tools")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10, "temperature": -1}""", "temperature")]
    [InlineData("""{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10, "mcp_servers": []}""", "mcp_servers is not supported yet")]
    [InlineData("""[]""", "must be a JSON object")]
    public async Task What_cannot_be_honoured_is_refused_by_its_path(string request, string message)
    {
        await using TestServer server = await TestServer.StartAsync();
        (int status, JsonNode body) = await PostAsync(server, request).AnswerAsync();
        Assert.Equal(400, status);
        Assert.Contains(message, AssertError(body, "invalid_request_error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_parameter_stands_every_type()
    {
        await using TestServer server = await TestServer.StartAsync();
        string[] names = [.. MessagesTable.Messages.Fields.Select(field => field.Name)];
        foreach (string name in names)
        {
            foreach (string value in Scripts.Values)
            {
                JsonObject request = new() { ["model"] = "tiny", ["max_tokens"] = 10, ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "x" }) };
                request.Remove(name);
                string body = request.ToJsonString()[..^1] + $", \"{name}\": {value}}}";
                (int status, JsonNode answer) = await PostAsync(server, body).AnswerAsync();
                Assert.True(status is 200 or 400 or 404, $"{name}: {value} → {status} {answer.Plain()}");
                if (status != 200)
                {
                    AssertError(answer, status == 404 ? "not_found_error" : "invalid_request_error");
                }
            }
        }
    }

    [Fact]
    public async Task Null_is_absent_everywhere()
    {
        await using TestServer server = await TestServer.StartAsync();
        string nulls = string.Concat(MessagesTable.Messages.Fields.Select(field => field.Name).Except(["model", "max_tokens", "messages"]).Select(name => $", \"{name}\": null"));
        HttpResponseMessage response = await SendAsync(server, nulls);
        Assert.Equal((200, response.Headers.GetValues("X-Request-Id").Single()), ((int)response.StatusCode, response.Headers.GetValues("request-id").Single()));
    }

    [Fact]
    public async Task Errors_have_anthropics_types()
    {
        await using TestServer server = await TestServer.StartAsync();
        AssertError((await server.PostAsync("/v1/messages", """{"model": "none", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}""").AnswerAsync()).Body, "not_found_error");
        HttpResponseMessage wrong = await server.Client.GetAsync("/v1/messages", TestContext.Current.CancellationToken);
        Assert.Equal(405, (int)wrong.StatusCode);
        AssertError(await wrong.JsonAsync(), "invalid_request_error");
        (int status, JsonNode body) = await server.PostAsync("/v1/messages", Encoding.UTF8.GetBytes("{}"), "text/plain").AnswerAsync();
        Assert.Equal(415, status);
        AssertError(body, "invalid_request_error");
        server.Source.Refusal = new RequestRefusedException(RefusalReason.QueueFull, null, "full");
        (status, body) = await SendAsync(server).AnswerAsync();
        Assert.Equal(429, status);
        AssertError(body, "rate_limit_error");
        server.Source.Refusal = new RequestRefusedException(RefusalReason.ShuttingDown, null, "down");
        (status, body) = await SendAsync(server).AnswerAsync();
        Assert.Equal(503, status);
        AssertError(body, "overloaded_error");
        server.Source.Refusal = new InvalidOperationException("secret");
        (status, body) = await SendAsync(server).AnswerAsync();
        Assert.Equal(500, status);
        Assert.DoesNotContain("secret", AssertError(body, "api_error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_after_the_start_is_an_event()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Reason = FinishReason.Failed;
        List<(string Name, JsonNode Data)> events = await SendAsync(server, """, "stream": true""").NamedEventsAsync();
        Assert.Equal("error", events[^1].Name);
        Assert.DoesNotContain("secret", AssertError(events[^1].Data, "api_error"), StringComparison.Ordinal);
        Assert.Equal(0, server.Source.Alive);
    }

    [Fact]
    public async Task A_silent_stream_pings()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { KeepAliveInterval = TimeSpan.FromMilliseconds(20) });
        TaskCompletionSource gate = new();
        server.Source.Gate = gate.Task;
        Task<List<(string Name, JsonNode Data)>> reading = SendAsync(server, """, "stream": true""").NamedEventsAsync();
        await Task.Delay(150, TestContext.Current.CancellationToken);
        gate.SetResult();
        Assert.True((await reading).Count(one => one.Name == "ping") >= 2);
    }

    [Fact]
    public async Task Arguments_never_begin_with_white_space()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = [new ToolCallDelta(0, 0, " \n") { Id = "c", Name = "n" }, new ToolCallDelta(0, 0, " {"), new ToolCallDelta(0, 0, " }")];
        List<(string Name, JsonNode Data)> events = await SendAsync(server, """, "stream": true""").NamedEventsAsync();
        Assert.Equal(["{", " }"], events.Where(one => one.Name == "content_block_delta").Select(one => (string)one.Data["delta"]!["partial_json"]!));
    }

    [Fact]
    public async Task Arguments_that_were_cut_off_are_none()
    {
        await using TestServer server = await TestServer.StartAsync();
        (server.Source.Events, server.Source.Reason) = ([new ToolCallDelta(0, 0, "{\"city\": \"B") { Id = "c", Name = "n" }], FinishReason.Length);
        JsonNode body = await SendAsync(server).JsonAsync();
        Assert.Equal(("{}", "max_tokens"), (body["content"]![0]!["input"].Plain(), (string)body["stop_reason"]!));
    }

    static string AssertError(JsonNode body, string type)
    {
        Assert.Equal(("error", type), ((string)body["type"]!, (string)body["error"]!["type"]!));
        Assert.StartsWith("req-", (string)body["request_id"]!, StringComparison.Ordinal);
        return (string)body["error"]!["message"]!;
    }

    /// <summary>What a client makes of a stream.</summary>
    static JsonNode Join(List<(string Name, JsonNode Data)> events)
    {
        JsonNode message = events[0].Data["message"]!.DeepClone();
        Dictionary<int, string> inputs = [];
        foreach ((string name, JsonNode data) in events)
        {
            JsonArray content = message["content"]!.AsArray();
            switch (name)
            {
                case "content_block_start":
                    Assert.Equal(content.Count, (int)data["index"]!);
                    content.Add(data["content_block"]!.DeepClone());
                    break;
                case "content_block_delta":
                    (string field, string text) = data["delta"]!.AsObject().Where(part => part.Key != "type").Select(part => (part.Key, (string)part.Value!)).Single();
                    JsonNode block = content[^1]!;
                    if (field == "partial_json")
                    {
                        inputs[content.Count - 1] = inputs.GetValueOrDefault(content.Count - 1, "") + text;
                    }
                    else
                    {
                        block[field] = (string)block[field]! + text;
                    }

                    break;
                case "message_delta":
                    message["stop_reason"] = data["delta"]!["stop_reason"]!.DeepClone();
                    message["usage"] = data["usage"]!.DeepClone();
                    break;
            }
        }

        foreach ((int index, string input) in inputs)
        {
            message["content"]![index]!["input"] = JsonNode.Parse(input);
        }

        return message;
    }

    static Task<HttpResponseMessage> SendAsync(TestServer server, string more = "") =>
        PostAsync(server, """{"model": "tiny", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]""" + more + "}");

    static Task<HttpResponseMessage> PostAsync(TestServer server, string body) => server.PostAsync("/v1/messages", body);
}
