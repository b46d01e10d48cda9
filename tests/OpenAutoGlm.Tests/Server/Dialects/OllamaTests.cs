using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Ollama;

namespace OpenAutoGlm.Server.Dialects;

/// <summary>Ollama's chat and generate.</summary>
public class OllamaTests
{
    [Fact]
    public async Task A_chat_is_answered_in_one_body()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = Scripts.Everything;
        JsonNode body = await ChatAsync(server, """, "stream": false""").JsonAsync();
        Assert.Equal(("tiny:latest", true, "stop"), ((string)body["model"]!, (bool)body["done"]!, (string)body["done_reason"]!));
        Assert.Equal(
            """{"content":"Let me see.","role":"assistant","thinking":"Hmm.","tool_calls":[{"id":"call_1","function":{"index":0,"name":"weather","arguments":{"city":"北京"}}},{"id":"call_2","function":{"index":1,"name":"time","arguments":{"zone":8}}}]}""",
            body["message"].Plain().Replace("{\"city\": ", "{\"city\":", StringComparison.Ordinal));
        Assert.Equal((7, 2_000_000, 9, 3_000_000, 0), ((int)body["prompt_eval_count"]!, (int)body["prompt_eval_duration"]!, (int)body["eval_count"]!, (int)body["eval_duration"]!, (int)body["load_duration"]!));
        Assert.True((long)body["total_duration"]! > 0);
        Assert.True(DateTimeOffset.TryParse((string)body["created_at"]!, null, out _));
        Assert.False(body.AsObject().ContainsKey("response"));
        Assert.Equal(0, server.Source.Alive);
    }

    [Fact]
    public async Task A_stream_has_a_line_for_every_piece_and_is_the_default()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = Scripts.Everything;
        List<JsonNode> lines = await LinesAsync(ChatAsync(server));
        Assert.Equal(
            """
            {"content":"","role":"assistant","thinking":"Hm"}
            {"content":"","role":"assistant","thinking":"m."}
            {"content":"Let me ","role":"assistant"}
            {"content":"see.","role":"assistant"}
            {"content":"","role":"assistant","tool_calls":[{"id":"call_1","function":{"index":0,"name":"weather","arguments":{"city": "北京"}}}]}
            {"content":"","role":"assistant","tool_calls":[{"id":"call_2","function":{"index":1,"name":"time","arguments":{"zone":8}}}]}
            {"content":"","role":"assistant"}
            """.ReplaceLineEndings("\n"),
            string.Join('\n', lines.Select(line => line["message"].Plain().Replace("{\"city\":\"", "{\"city\": \"", StringComparison.Ordinal))));
        Assert.Equal([false, false, false, false, false, false, true], lines.Select(line => (bool)line["done"]!));
        Assert.All(lines[..^1], line => Assert.Equal(["model", "created_at", "message", "done"], line.AsObject().Select(field => field.Key)));
        Assert.Equal((7, 9, "stop"), ((int)lines[^1]["prompt_eval_count"]!, (int)lines[^1]["eval_count"]!, (string)lines[^1]["done_reason"]!));
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("generate")]
    public async Task A_stream_joined_is_the_whole_answer(string route)
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Events = route == "chat" ? Scripts.Everything : [new ThinkingDelta(0, "a"), .. Scripts.OnlyText, new ThinkingDelta(0, "b"), new TextDelta(0, "!")];
        string request = route == "chat" ? """{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]""" : """{"model": "tiny", "prompt": "Hi" """;
        JsonNode whole = await server.PostAsync("/api/" + route, request + """, "stream": false}""").JsonAsync();
        List<JsonNode> lines = await LinesAsync(server.PostAsync("/api/" + route, request + "}"));
        Assert.Equal(
            (Text(whole, "content"), Text(whole, "response"), Text(whole, "thinking"), Calls(whole)),
            (string.Concat(lines.Select(line => Text(line, "content"))), string.Concat(lines.Select(line => Text(line, "response"))), string.Concat(lines.Select(line => Text(line, "thinking"))), string.Concat(lines.Select(Calls))));
        Assert.Equal(whole.AsObject().Select(field => field.Key).Except(["thinking"]), lines[^1].AsObject().Select(field => field.Key));

        static string Text(JsonNode line, string field) => (string?)line[field] ?? (string?)line["message"]?[field] ?? "";

        static string Calls(JsonNode line) => string.Concat((line["message"]?["tool_calls"]?.AsArray() ?? []).Select(call => call.Plain()));
    }

    [Fact]
    public async Task A_prompt_is_a_conversation_or_stands_raw()
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode body = await GenerateAsync(server, """, "system": "S", "stream": false, "options": {"num_predict": 5}""").JsonAsync();
        Assert.Equal("Hello", (string)body["response"]!);
        Assert.Equal("""[{"role":"system","content":"S"},{"role":"user","content":"Hi"}]""", ((GenerationPrompt.Chat)server.Source.Last.Prompt).Messages.Plain());
        Assert.Equal(5, server.Source.Last.MaxTokens);
        await GenerateAsync(server, """, "raw": true, "stream": false""").JsonAsync();
        Assert.Equal("Hi", ((GenerationPrompt.Text)server.Source.Last.Prompt).Content);
        Assert.Equal(400, (await GenerateAsync(server, """, "raw": true, "system": "S" """).AnswerAsync()).Status);
    }

    [Fact]
    public async Task Options_are_honoured()
    {
        await using TestServer server = await TestServer.StartAsync();
        await ChatAsync(server, """, "stream": false, "options": {"num_ctx": 64, "num_predict": -1, "temperature": 0, "top_p": 0.5, "top_k": 2, "min_p": 0.1, "seed": 9, "stop": "E", "repeat_penalty": 1.1, "repeat_last_n": -1, "presence_penalty": 0.2, "frequency_penalty": 0.3, "num_thread": 4, "use_mmap": true, "mirostat": 0}, "think": true, "keep_alive": "5m", "format": "json" """).JsonAsync();
        GenerationRequest request = server.Source.Last;
        Assert.Equal((0f, 0.5f, 2, 0.1f, 9ul), (request.Sampling.Temperature, request.Sampling.TopP, request.Sampling.TopK, request.Sampling.MinP, request.Sampling.Seed!.Value));
        Assert.Equal((1.1f, 0.2f, 0.3f, null), (request.Sampling.RepetitionPenalty, request.Sampling.PresencePenalty, request.Sampling.FrequencyPenalty, request.MaxTokens));
        Assert.Equal(["E"], request.Stop);
        Assert.NotNull(request.Constraint);
        Assert.Equal((true, """{"enable_thinking":true}"""), (request.Thinking!.Apart, ((GenerationPrompt.Chat)request.Prompt).Variables.Plain()));
        await ChatAsync(server, """, "stream": false""").JsonAsync();
        Assert.Equal((0.8f, 0.9f, 40), (server.Source.Last.Sampling.Temperature, server.Source.Last.Sampling.TopP, server.Source.Last.Sampling.TopK));
    }

    [Fact]
    public async Task A_conversation_with_tools_reaches_the_template_in_its_form()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PostAsync("/api/chat", """
            {"model": "tiny:latest", "stream": false, "messages": [
                {"role": "system", "content": "S"}, {"role": "user", "content": "W?", "images": []},
                {"role": "assistant", "content": "", "thinking": "T", "tool_calls": [{"function": {"name": "w", "arguments": {"a": 1}}}]},
                {"role": "tool", "tool_name": "w", "content": "11"}],
             "tools": [{"type": "function", "function": {"name": "w", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}]}
            """).JsonAsync();
        GenerationPrompt.Chat chat = (GenerationPrompt.Chat)server.Source.Last.Prompt;
        Assert.Equal(
            """[{"role":"system","content":"S"},{"role":"user","content":"W?"},{"role":"assistant","content":"","reasoning_content":"T","tool_calls":[{"type":"function","function":{"name":"w","arguments":{"a":1}}}]},{"role":"tool","content":"11","name":"w"}]""",
            chat.Messages.Plain().Replace("{\"a\": 1}", "{\"a\":1}", StringComparison.Ordinal));
        Assert.Equal("w", (string)chat.Tools![0]!["function"]!["name"]!);
    }

    [Theory]
    [InlineData("chat", """{"messages": [{"role": "user", "content": "x"}]}""", "model is required")]
    [InlineData("chat", """{"model": "tiny"}""", "messages is required")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x", "images": ["aGk="]}]}""", "messages[0].images has images")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x", "more": 1}]}""", "messages[0].more is not a field")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "options": {"num_ctx": 65}}""", "options.num_ctx is 65, but the context of 'tiny' has 64")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "options": {"mirostat": 1}}""", "options.mirostat is not supported yet")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "options": {"repeat_last_n": 64, "repeat_penalty": 1.1}}""", "options.repeat_last_n is 64")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "options": {"typo": 1}}""", "'options.typo' is not a parameter")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "prompt": "x"}""", "'prompt' is not a parameter of /api/chat")]
    [InlineData("chat", """{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "think": "high"}""", "degrees of thinking")]
    [InlineData("generate", """{"model": "tiny"}""", "prompt is required")]
    [InlineData("generate", """{"model": "tiny", "prompt": "x", "template": "t"}""", "template is not supported")]
    [InlineData("generate", """{"model": "tiny", "prompt": "x", "suffix": "t"}""", "suffix is not supported")]
    [InlineData("generate", """{"model": "tiny", "prompt": "x", "context": [1]}""", "context is not supported")]
    [InlineData("show", """{"model": "tiny", "x": 1}""", "'x' is not a parameter")]
    [InlineData("show", """{}""", "model is required")]
    public async Task What_cannot_be_honoured_is_refused_by_its_path(string route, string request, string message)
    {
        await using TestServer server = await TestServer.StartAsync();
        (int status, JsonNode body) = await server.PostAsync("/api/" + route, request).AnswerAsync();
        Assert.Equal((400, 1), (status, body.AsObject().Count));
        Assert.Contains(message, (string)body["error"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_parameter_stands_every_type()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach ((string route, string name, bool isOption) in OllamaTables.Chat.Fields.Select(field => ("chat", field.Name, false))
            .Concat(OllamaTables.Generate.Fields.Select(field => ("generate", field.Name, false)))
            .Concat(OllamaTables.Options.Fields.Select(field => ("generate", field.Name, true))))
        {
            foreach (string value in Scripts.Values)
            {
                JsonObject request = new() { ["model"] = "tiny", [route == "chat" ? "messages" : "prompt"] = route == "chat" ? new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "x" }) : "x" };
                request.Remove(name);
                string more = isOption ? $", \"options\": {{\"{name}\": {value}}}}}" : $", \"{name}\": {value}}}";
                (int status, JsonNode answer) = await server.PostAsync("/api/" + route, (request.ToJsonString()[..^1] + more).Replace("{,", "{", StringComparison.Ordinal)).AnswerAsync();
                Assert.True(status is 200 or 400 or 404, $"{name}: {value} → {status} {answer.Plain()}");
                Assert.True(status == 200 || answer.AsObject().Single().Key == "error", answer.Plain());
            }
        }
    }

    [Fact]
    public async Task Errors_are_one_sentence_also_in_a_stream()
    {
        await using TestServer server = await TestServer.StartAsync();
        (int status, JsonNode body) = await server.PostAsync("/api/chat", """{"model": "none:latest", "messages": [{"role": "user", "content": "x"}]}""").AnswerAsync();
        Assert.Equal(404, status);
        Assert.Contains("'none'", (string)body["error"]!, StringComparison.Ordinal);
        HttpResponseMessage wrong = await server.Client.GetAsync("/api/chat", TestContext.Current.CancellationToken);
        Assert.Equal((405, "This address takes POST only."), ((int)wrong.StatusCode, (string)(await wrong.JsonAsync())["error"]!));
        server.Source.Reason = FinishReason.Failed;
        List<JsonNode> lines = await LinesAsync(ChatAsync(server));
        Assert.Equal(3, lines.Count);
        Assert.Equal(["error"], lines[^1].AsObject().Select(field => field.Key));
        Assert.DoesNotContain("secret", lines[^1].Plain(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silence_is_broken_by_what_json_allows()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { KeepAliveInterval = TimeSpan.FromMilliseconds(20) });
        TaskCompletionSource gate = new();
        server.Source.Gate = gate.Task;
        Task<List<JsonNode>> reading = LinesAsync(ChatAsync(server), keptAlive: true);
        await Task.Delay(150, TestContext.Current.CancellationToken);
        gate.SetResult();
        Assert.Equal(3, (await reading).Count);
    }

    [Fact]
    public async Task A_call_that_was_cut_off_is_no_call()
    {
        await using TestServer server = await TestServer.StartAsync();
        (server.Source.Events, server.Source.Reason) = ([new ToolCallDelta(0, 0, "{\"city\": \"B") { Id = "c", Name = "n" }], FinishReason.Length);
        JsonNode body = await ChatAsync(server, """, "stream": false""").JsonAsync();
        Assert.Equal(("length", false), ((string)body["done_reason"]!, body["message"]!.AsObject().ContainsKey("tool_calls")));
        Assert.Single(await LinesAsync(ChatAsync(server)));
    }

    [Fact]
    public async Task Models_are_listed_and_shown()
    {
        await using TestServer server = await TestServer.StartAsync();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        JsonArray models = (await server.Client.GetAsync("/api/tags", cancellation).JsonAsync())["models"]!.AsArray();
        Assert.Equal(["tiny:latest", "org/tiny:latest"], models.Select(model => (string)model!["name"]!));
        Assert.All(models, model => Assert.Equal(64, ((string)model!["digest"]!).Length));
        JsonNode shown = await server.PostAsync("/api/show", """{"name": "org/tiny:latest"}""").JsonAsync();
        Assert.Equal(64, (int)shown["model_info"]!["autoglm.context_length"]!);
        Assert.Equal(404, (await server.PostAsync("/api/show", """{"model": "none"}""").AnswerAsync()).Status);
        Assert.Equal("""{"version":"0.9.0"}""", (await server.Client.GetAsync("/api/version", cancellation).JsonAsync()).Plain());
        JsonNode running = (await server.Client.GetAsync("/api/ps", cancellation).JsonAsync())["models"]!.AsArray().Single()!;
        Assert.Equal(("tiny:latest", 64), ((string)running["model"]!, (int)running["context_length"]!));
    }

    static async Task<List<JsonNode>> LinesAsync(Task<HttpResponseMessage> sending, bool keptAlive = false)
    {
        HttpResponseMessage response = await sending;
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.MediaType);
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
        Assert.Equal(keptAlive, text.Contains("\n ", StringComparison.Ordinal));
        return [.. text[..^1].Split('\n').Select(line => JsonNode.Parse(line)!)];
    }

    static Task<HttpResponseMessage> ChatAsync(TestServer server, string more = "") =>
        server.PostAsync("/api/chat", """{"model": "tiny:latest", "messages": [{"role": "user", "content": "Hi"}]""" + more + "}");

    static Task<HttpResponseMessage> GenerateAsync(TestServer server, string more = "") =>
        server.PostAsync("/api/generate", """{"model": "tiny", "prompt": "Hi" """ + more + "}");
}
