using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models;
using OpenAutoGlm.Server.Files;

namespace OpenAutoGlm.Server.Batches;

/// <summary>/v1/batches over real engines.</summary>
public sealed class BatchTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3, "seed": 1}""")]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": ["Hi", "Ho"], "max_tokens": 3, "seed": 1}""")]
    [InlineData("/v1/embeddings", """{"model": "tiny", "input": "Hi", "encoding_format": "base64"}""")]
    public async Task A_line_is_answered_as_its_route_answers(string endpoint, string body)
    {
        await using TinyServer server = await TinyServer.StartAsync();
        JsonNode direct = await server.Test.PostAsync(endpoint, body).JsonAsync();
        JsonNode batch = await EndAsync(server.Test, await CreateAsync(server.Test, endpoint, Line("one", endpoint, body), "", Line("two", endpoint, body)));
        Assert.Equal(("completed", 2, 2, 0), Counts(batch));
        JsonNode[] lines = await LinesAsync(server.Test, batch, "output_file_id");
        Assert.Equal(["one", "two"], lines.Select(line => (string)line["custom_id"]!).Order());
        Assert.All(lines, line =>
        {
            Assert.Equal(200, (int)line["response"]!["status_code"]!);
            Assert.StartsWith("req-", (string)line["response"]!["request_id"]!, StringComparison.Ordinal);
            JsonNode answer = line["response"]!["body"]!;
            Assert.Equal(Stable(direct).ToJsonString(), Stable(answer).ToJsonString());
        });
        Assert.Null(batch["error_file_id"]);
        JsonNode file = await server.Test.Client.GetAsync($"/v1/files/{(string)batch["output_file_id"]!}", Cancellation).JsonAsync();
        Assert.Equal("batch_output", (string)file["purpose"]!);
    }

    [Fact]
    public async Task Errors_stand_apart_line_by_line()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        const string endpoint = "/v1/completions";
        JsonNode batch = await EndAsync(server.Test, await CreateAsync(
            server.Test, endpoint, Line("good", endpoint, """{"model": "tiny", "prompt": "Hi", "max_tokens": 2}"""), Line("hot", endpoint, """{"model": "tiny", "prompt": "Hi", "temperature": -1}"""), Line("who", endpoint, """{"model": "nobody", "prompt": "Hi"}""")));
        Assert.Equal(("completed", 3, 1, 2), Counts(batch));
        JsonNode[] errors = [.. (await LinesAsync(server.Test, batch, "error_file_id")).OrderBy(line => (string)line["custom_id"]!, StringComparer.Ordinal)];
        Assert.Equal([400, 404], errors.Select(line => (int)line["response"]!["status_code"]!));
        Assert.Equal("temperature", (string)errors[0]["response"]!["body"]!["error"]!["param"]!);
    }

    [Theory]
    [InlineData("not json", "Line 2: The body is not valid JSON")]
    [InlineData("[1]", "Line 2: The body must be a JSON object.")]
    [InlineData("""{"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {}}""", "Line 2: the custom_id 'a' was there before.")]
    [InlineData("""{"custom_id": "", "method": "POST", "url": "/v1/completions", "body": {}}""", "Line 2: line.custom_id must not be empty.")]
    [InlineData("""{"custom_id": "b", "method": "GET", "url": "/v1/completions", "body": {}}""", "Line 2: line.method must be \"POST\".")]
    [InlineData("""{"custom_id": "b", "method": "POST", "url": "/v1/embeddings", "body": {}}""", "Line 2: line.url must be \"/v1/completions\", the endpoint of the batch.")]
    [InlineData("""{"custom_id": "b", "method": "POST", "url": "/v1/completions"}""", "Line 2: line.body is required.")]
    [InlineData("""{"custom_id": "b", "method": "POST", "url": "/v1/completions", "body": [], "x": 1}""", "Line 2: line.x is not a field")]
    [InlineData("""{"custom_id": "b", "method": "POST", "url": "/v1/completions", "body": {"stream": true}}""", "Line 2: line.body.stream must be false")]
    [InlineData("""{"custom_id": "b", "method": "POST", "url": "/v1/completions", "body": {"priority": -5}}""", "Line 2: line.body.priority cannot be set")]
    [InlineData("""{"custom_id": "b", "custom_id": "c", "method": "POST", "url": "/v1/completions", "body": {}}""", "Line 2: 'custom_id' at offset")]
    [InlineData("""{"custom_id": "b\u0000", "method": "POST", "url": "/v1/completions", "body": {}}""", "Line 2: The string at offset")]
    public async Task A_line_that_is_no_request_refuses_the_batch_with_its_number(string line, string message)
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode error = await CreateAsync(server, "/v1/completions", """{"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {}}""", line).ErrorAsync(400);
        Assert.Equal(("input_file_id", "invalid_batch_line"), ((string)error["param"]!, (string)error["code"]!));
        Assert.StartsWith(message, (string)error["message"]!, StringComparison.Ordinal);
        Assert.Empty((await server.Client.GetAsync("/v1/batches", Cancellation).JsonAsync())["data"]!.AsArray());
    }

    [Fact]
    public async Task A_line_over_the_limit_is_refused_with_its_number_and_so_is_an_empty_file()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxBodyBytes = 2048 });
        JsonNode error = await CreateAsync(server, "/v1/completions", "", new string('x', 100_000)).ErrorAsync(400);
        Assert.Equal("Line 2 has more than 2048 bytes.", (string)error["message"]!);
        Assert.Equal("The file has no requests.", (string)(await CreateAsync(server, "/v1/completions", "", " ").ErrorAsync(400))["message"]!);
    }

    [Theory]
    [InlineData("""{"endpoint": "/v1/completions", "completion_window": "24h"}""", "input_file_id", "missing_required_parameter", 400)]
    [InlineData("""{"input_file_id": "file-0", "endpoint": "/v1/completions", "completion_window": "24h"}""", "id", "file_not_found", 404)]
    [InlineData("""{"input_file_id": "x", "endpoint": "/v1/models", "completion_window": "24h"}""", "endpoint", "invalid_value", 400)]
    [InlineData("""{"input_file_id": "x", "endpoint": "/v1/completions", "completion_window": "soon"}""", "completion_window", "invalid_value", 400)]
    [InlineData("""{"input_file_id": "x", "endpoint": "/v1/completions", "completion_window": "24h", "colour": 1}""", "colour", "unknown_parameter", 400)]
    [InlineData("""{"input_file_id": "x", "endpoint": "/v1/completions", "completion_window": "24h", "metadata": {"a": 1}}""", "metadata.a", "invalid_type", 400)]
    public async Task A_batch_that_makes_no_sense_is_refused_by_its_parameter(string body, string parameter, string code, int status)
    {
        await using TestServer server = await TestServer.StartAsync();
        JsonNode error = await server.PostAsync("/v1/batches", body).ErrorAsync(status);
        Assert.Equal((parameter, code), ((string)error["param"]!, (string)error["code"]!));
    }

    [Fact]
    public async Task Every_other_request_goes_before_a_batch()
    {
        PacedRunner runner = new(new ScriptedRunner(TinyServer.Tokens.VocabularySize, TinyServer.Tokens.Encode("hello"))) { HoldAfter = 0 };
        using InferenceEngine engine = new(runner, new EngineOptions { MaxSequences = 1, CheckInvariants = true }, ownThread: true);
        TextGenerator generator = new(engine, TinyServer.Tokens, TinyServer.Template);
        await using TestServer server = await TestServer.StartAsync(generator);
        const string body = """{"model": "tiny", "prompt": "Hi", "max_tokens": 50, "ignore_eos": true}""";
        JsonNode batch = await CreateAsync(server, "/v1/completions", [.. Enumerable.Range(0, 8).Select(i => Line($"{i}", "/v1/completions", body))]).JsonAsync();
        await TestServer.UntilAsync(() => runner.Steps == 1);
        Task<HttpResponseMessage> urgent = server.CompleteAsync(""", "max_tokens": 2""");
        await Task.Delay(50, Cancellation);

        // Held again long before the first of the batch is done.
        runner.HoldAfter = 20;
        runner.Release();
        await urgent.JsonAsync();
        JsonNode seen = await GetAsync(server, (string)batch["id"]!);
        Assert.Equal((0, 8), ((int)seen["request_counts"]!["completed"]!, (int)seen["request_counts"]!["total"]!));
        await TestServer.UntilAsync(() => runner.Steps > 20);
        runner.Release();
        Assert.Equal(("completed", 8, 8, 0), Counts(await EndAsync(server, Task.FromResult(seen))));
    }

    [Fact]
    public async Task A_batch_that_is_cancelled_keeps_what_is_done()
    {
        PacedRunner runner = new(new ScriptedRunner(TinyServer.Tokens.VocabularySize, TinyServer.Tokens.Encode("hello"))) { HoldAfter = 3 };
        using InferenceEngine engine = new(runner, new EngineOptions { MaxSequences = 1 }, ownThread: true);
        await using TestServer server = await TestServer.StartAsync(new ScriptedSource(), new ServerOptions { BatchRequests = 1 }, new ServedModel("tiny", new TextGenerator(engine, TinyServer.Tokens, null)));
        const string body = """{"model": "tiny", "prompt": "Hi", "max_tokens": 1, "ignore_eos": true}""";
        string id = (string)(await CreateAsync(server, "/v1/completions", [.. Enumerable.Range(0, 9).Select(i => Line($"{i}", "/v1/completions", body))]).JsonAsync())["id"]!;
        await TestServer.UntilAsync(() => runner.Steps == 4);
        string input = (string)(await GetAsync(server, id))["input_file_id"]!;
        Assert.Equal("conflict", (string)(await server.Client.DeleteAsync($"/v1/files/{input}", Cancellation).ErrorAsync(409))["code"]!);
        Assert.Equal("cancelling", (string)(await server.PostAsync($"/v1/batches/{id}/cancel", "").JsonAsync())["status"]!);
        runner.Release();
        JsonNode batch = await EndAsync(server, GetAsync(server, id));
        Assert.Equal("cancelled", (string)batch["status"]!);
        Assert.Equal((int)batch["request_counts"]!["completed"]!, (await LinesAsync(server, batch, "output_file_id")).Length);
        Assert.InRange((int)batch["request_counts"]!["completed"]!, 3, 4);
        Assert.Equal("conflict", (string)(await server.PostAsync($"/v1/batches/{id}/cancel", "").ErrorAsync(409))["code"]!);
        Assert.True((bool)(await server.Client.DeleteAsync($"/v1/files/{input}", Cancellation).JsonAsync())["deleted"]!);
    }

    [Fact]
    public async Task A_batch_goes_on_after_a_restart_where_it_was_and_makes_no_request_twice()
    {
        const string body = """{"model": "tiny", "prompt": "Hi", "max_tokens": 1, "ignore_eos": true}""";
        string id;
        PacedRunner runner = new(new ScriptedRunner(TinyServer.Tokens.VocabularySize, TinyServer.Tokens.Encode("hello"))) { HoldAfter = 5 };
        using (InferenceEngine engine = new(runner, new EngineOptions { MaxSequences = 1 }, ownThread: true))
        {
            await using TestServer first = await StartAsync(engine);
            id = (string)(await CreateAsync(first, "/v1/completions", [.. Enumerable.Range(0, 12).Select(i => Line($"{i}", "/v1/completions", body))]).JsonAsync())["id"]!;
            await TestServer.UntilAsync(() => runner.Steps == 6);
            Task stop = first.Server.StopAsync(Cancellation);
            runner.Release();
            await stop;
        }

        // As a crash leaves it: the last line is cut off.
        string results = _folder.File(id + ".out");
        string[] before = File.ReadAllLines(results);
        Assert.InRange(before.Length, 5, 6);
        File.AppendAllText(results, """{"id": "batch_req_0", "custom_id": "11", "resp""");

        using InferenceEngine next = new TinyModel(TinyServer.Tokens.VocabularySize).Engine();
        await using TestServer second = await StartAsync(next);
        JsonNode batch = await EndAsync(second, GetAsync(second, id));
        Assert.Equal(("completed", 12, 12, 0), Counts(batch));
        JsonNode[] lines = await LinesAsync(second, batch, "output_file_id");
        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"{i}").Order(), lines.Select(line => (string)line["custom_id"]!).Order());
        Assert.Equal(before, lines.Take(before.Length).Select((_, i) => before[i]));
        Assert.False(File.Exists(results));

        Task<TestServer> StartAsync(InferenceEngine engine) =>
            TestServer.StartAsync(new ScriptedSource(), new ServerOptions { FilesFolder = _folder.Root, BatchRequests = 1 }, new ServedModel("tiny", new TextGenerator(engine, TinyServer.Tokens, null)));
    }

    [Fact]
    public async Task What_is_not_done_in_time_expires_line_by_line()
    {
        ShiftedTime time = new();
        PacedRunner runner = new(new ScriptedRunner(TinyServer.Tokens.VocabularySize, TinyServer.Tokens.Encode("hello"))) { HoldAfter = 0 };
        using InferenceEngine engine = new(runner, new EngineOptions { MaxSequences = 1 }, ownThread: true);
        await using TestServer server = await TestServer.StartAsync(new ScriptedSource(), new ServerOptions { TimeProvider = time }, new ServedModel("tiny", new TextGenerator(engine, TinyServer.Tokens, null)));
        string line = Line("a", "/v1/completions", """{"model": "tiny", "prompt": "Hi", "max_tokens": 1}""");
        JsonNode first = await CreateAsync(server, "/v1/completions", line).JsonAsync();
        JsonNode second = await CreateAsync(server, "/v1/completions", line, line.Replace("\"a\"", "\"b\"", StringComparison.Ordinal)).JsonAsync();
        Assert.Equal("validating", (string)second["status"]!);
        await TestServer.UntilAsync(() => runner.Steps == 1);
        time.Offset = TimeSpan.FromHours(25);
        runner.Release();
        Assert.Equal("completed", (string)(await EndAsync(server, Task.FromResult(first)))["status"]!);
        JsonNode expired = await EndAsync(server, Task.FromResult(second));
        Assert.Equal(("expired", 2, 0, 2), Counts(expired));
        Assert.All(await LinesAsync(server, expired, "error_file_id"), error => Assert.Equal("batch_expired", (string)error["error"]!["code"]!));
    }

    [Fact]
    public async Task Results_without_room_end_the_batch_with_the_reason()
    {
        await using TinyServer server = await TinyServer.StartAsync(server: new ServerOptions { FilesBytes = 4096, MaxFileBytes = 4096 });
        const string endpoint = "/v1/embeddings";
        JsonNode batch = await EndAsync(server.Test, await CreateAsync(server.Test, endpoint, [.. Enumerable.Range(0, 20).Select(i => Line($"{i}", endpoint, """{"model": "tiny", "input": "Hi"}"""))]));
        Assert.Equal("failed", (string)batch["status"]!);
        Assert.Contains("4096 bytes", (string)batch["errors"]!["data"]![0]!["message"]!, StringComparison.Ordinal);
    }

    static string Line(string id, string endpoint, string body) => $$"""{"custom_id": "{{id}}", "method": "POST", "url": "{{endpoint}}", "body": {{body}}}""";

    static async Task<HttpResponseMessage> CreateAsync(TestServer server, string endpoint, params string[] lines)
    {
        JsonNode file = await FileTests.UploadAsync(server, Encoding.UTF8.GetBytes(string.Join('\n', lines)), "batch.jsonl").JsonAsync();
        return await server.PostAsync("/v1/batches", $$"""{"input_file_id": "{{(string)file["id"]!}}", "endpoint": "{{endpoint}}", "completion_window": "24h", "metadata": {"who": "test"} }""");
    }

    static Task<JsonNode> GetAsync(TestServer server, string id) => server.Client.GetAsync($"/v1/batches/{id}", Cancellation).JsonAsync();

    static Task<JsonNode> EndAsync(TestServer server, HttpResponseMessage created) => EndAsync(server, created.JsonAsync());

    static async Task<JsonNode> EndAsync(TestServer server, Task<JsonNode> created)
    {
        JsonNode batch = await created;
        string id = (string)batch["id"]!;
        for (int tries = 0; (string)batch["status"]! is "validating" or "in_progress" or "finalizing" or "cancelling"; tries++)
        {
            Assert.True(tries < 500, batch.ToJsonString());
            await Task.Delay(20, Cancellation);
            batch = await GetAsync(server, id);
        }

        return batch;
    }

    static async Task<JsonNode[]> LinesAsync(TestServer server, JsonNode batch, string which) =>
        [.. (await server.Client.GetStringAsync($"/v1/files/{(string)batch[which]!}/content", Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    static (string Status, int Total, int Completed, int Failed) Counts(JsonNode batch) =>
        ((string)batch["status"]!, (int)batch["request_counts"]!["total"]!, (int)batch["request_counts"]!["completed"]!, (int)batch["request_counts"]!["failed"]!);

    /// <summary>An answer without what differs from one to the next.</summary>
    static JsonNode Stable(JsonNode answer)
    {
        JsonObject copy = answer.DeepClone().AsObject();
        copy.Remove("id");
        copy.Remove("created");
        copy["usage"]?.AsObject().Remove("prompt_tokens_details");
        return copy;
    }

    sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Offset;
    }
}
