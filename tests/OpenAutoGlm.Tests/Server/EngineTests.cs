using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Server;

/// <summary>The server over a real engine: tiny random weights on the reference interpreter, or a script that can be held.</summary>
public class EngineTests
{
    static readonly Tokenizer Tokens = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());

    static readonly ChatTemplate Template = ChatTemplate.Parse(
        "{% for message in messages %}{% if message.content == 'refuse' %}{{ raise_exception('not this') }}{% endif %}{{ message.role }}:{{ message.content }};{% endfor %}{{ enable_thinking }}");

    [Fact]
    public async Task Streamed_and_whole_answers_are_the_same_and_so_are_two_with_one_seed()
    {
        using InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        const string parameters = """, "max_tokens": 24, "n": 3, "seed": 5, "ignore_eos": true""";
        JsonNode whole = await server.ChatAsync(parameters).JsonAsync();
        string[] texts = [.. whole["choices"]!.AsArray().Select(choice => (string)choice!["message"]!["content"]!)];
        string[] streamed = ["", "", ""];
        foreach (JsonNode choice in (await server.ChatAsync(parameters + """, "stream": true""").EventsAsync())[..^1].Select(text => JsonNode.Parse(text)!["choices"]![0]!))
        {
            streamed[(int)choice["index"]!] += (string?)choice["delta"]!["content"];
        }

        Assert.Equal(texts, streamed);
        Assert.Equal(3, texts.Distinct().Count());
        Assert.All(whole["choices"]!.AsArray(), choice => Assert.Equal("length", (string)choice!["finish_reason"]!));
        int prompt = Tokens.Encode("user:Hi;").Length;
        Assert.Equal((prompt, 72, prompt + 72), ((int)whole["usage"]!["prompt_tokens"]!, (int)whole["usage"]!["completion_tokens"]!, (int)whole["usage"]!["total_tokens"]!));
        await TestServer.UntilAsync(() => Idle(engine));
    }

    [Theory]
    [InlineData("""{"response_format": {"type": "json_schema", "json_schema": {"name": "side", "schema": {"enum": [7, false]}}}}""", "^\\s*(false|7(\\.0+)?([eE][+-]?0+)?)$")]
    [InlineData("""{"guided_choice": ["left", "right"]}""", "^(left|right)$")]
    [InlineData("""{"guided_regex": "[0-9]{3}-[a-c]"}""", "^[0-9]{3}-[a-c]$")]
    [InlineData("""{"structured_outputs": {"grammar": "root ::= \"(\" root \")\" | \"x\""}}""", "^\\(*x\\)*$")]
    public async Task An_answer_is_what_was_asked_for_even_of_a_model_that_talks_at_random(string parameters, string pattern)
    {
        using InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        JsonNode body = await server.ChatAsync($", {parameters[1..^1]}, \"n\": 4, \"seed\": 3, \"frequency_penalty\": 2").JsonAsync();
        Assert.All(body["choices"]!.AsArray(), choice =>
        {
            string text = (string)choice!["message"]!["content"]!;
            if ((string)choice["finish_reason"]! == "stop")
            {
                Assert.Matches(pattern, text);
            }
        });
        Assert.Contains(body["choices"]!.AsArray(), choice => (string)choice!["finish_reason"]! == "stop");
    }

    [Fact]
    public async Task A_schema_that_cannot_be_kept_is_refused_with_its_parameter_and_place()
    {
        using InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        HttpResponseMessage response = await server.ChatAsync(""", "guided_json": {"properties": {"a": {"type": "array", "uniqueItems": true}}}""");
        JsonNode error = (await response.JsonAsync())["error"]!;
        Assert.Equal((400, "guided_json", "invalid_value"), ((int)response.StatusCode, (string)error["param"]!, (string)error["code"]!));
        Assert.Contains("/properties/a/uniqueItems", (string)error["message"]!);
    }

    [Fact]
    public async Task A_penalty_applies_to_the_greedy_choice()
    {
        using InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        const string greedy = """, "max_tokens": 40, "temperature": 0.0, "top_p": 0.85, "ignore_eos": true""";
        string plain = await TextAsync(greedy);
        Assert.Equal(plain, await TextAsync(greedy));
        Assert.NotEqual(plain, await TextAsync(greedy + """, "frequency_penalty": 2"""));

        async Task<string> TextAsync(string parameters) => (string)(await server.CompleteAsync(parameters).JsonAsync())["choices"]![0]!["text"]!;
    }

    [Fact]
    public async Task Logprobs_describe_every_token()
    {
        using InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        JsonNode body = await server.ChatAsync(""", "max_tokens": 9, "ignore_eos": true, "logprobs": true, "top_logprobs": 3, "temperature": 0""").JsonAsync();
        JsonArray content = body["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        Assert.Equal(9, content.Count);
        Assert.All(content, token =>
        {
            Assert.Equal(3, token!["top_logprobs"]!.AsArray().Count);
            Assert.Equal((float)token["logprob"]!, (float)token["top_logprobs"]![0]!["logprob"]!);
            Assert.True((float)token["logprob"]! < 0);
        });
    }

    [Theory]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": [1, 99999]}""", "prompt", "invalid_value")]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": [1, -1]}""", "prompt", "invalid_value")]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": ""}""", "prompt", "invalid_value")]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": [[]]}""", "prompt", "invalid_value")]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": "x", "max_tokens": 999}""", "max_tokens", "context_length_exceeded")]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": "x", "logit_bias": {"99999": 1}}""", "logit_bias", "invalid_value")]
    [InlineData("/v1/completions", """{"model": "tiny", "prompt": "x", "stop_token_ids": [99999]}""", "stop_token_ids", "invalid_value")]
    [InlineData("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "LONG"}]}""", "messages", "context_length_exceeded")]
    [InlineData("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_completion_tokens": 999}""", "max_completion_tokens", "context_length_exceeded")]
    [InlineData("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "refuse"}]}""", "messages", "invalid_value")]
    public async Task What_the_engine_refuses_is_a_400_with_the_parameter(string path, string body, string parameter, string code)
    {
        using InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        JsonNode error = await server.PostAsync(path, body.Replace("LONG", new string('x', 1000), StringComparison.Ordinal)).ErrorAsync(400);
        Assert.Equal((parameter, code), ((string)error["param"]!, (string)error["code"]!));
        Assert.True(Idle(engine));
    }

    [Theory]
    [InlineData("queueing")]
    [InlineData("prefill")]
    [InlineData("decoding")]
    public async Task A_client_that_goes_frees_its_sequence(string when)
    {
        PacedRunner runner = new(new ScriptedRunner(Tokens.VocabularySize, Tokens.Encode("hello")));
        using InferenceEngine engine = new(runner, new EngineOptions { MaxSequences = 1, CheckInvariants = true }, ownThread: true);
        RecordingLog log = new();
        await using TestServer server = await TestServer.StartAsync(Generator(engine), log);
        runner.HoldAfter = when == "decoding" ? 3 : 0;
        List<HttpResponseMessage> streams = [await server.OpenStreamAsync()];
        await TestServer.UntilAsync(() => runner.Steps == (when == "decoding" ? 4 : 1));
        if (when == "queueing")
        {
            streams.Add(await server.OpenStreamAsync());
        }

        streams.ForEach(stream => stream.Dispose());
        await TestServer.UntilAsync(() => log.Lines.Count(line => line.Contains("client_gone", StringComparison.Ordinal)) == streams.Count);
        runner.Release();
        await TestServer.UntilAsync(() => Idle(engine) && engine.Statistics.Cancelled == streams.Count);
        await server.CompleteAsync(""", "max_tokens": 3""").JsonAsync();
    }

    [Fact]
    public async Task A_full_queue_is_a_429_and_takes_nothing()
    {
        PacedRunner runner = new(new ScriptedRunner(Tokens.VocabularySize, Tokens.Encode("hello"))) { HoldAfter = 0 };
        using InferenceEngine engine = new(runner, new EngineOptions { MaxSequences = 1, QueueLimit = 1, CheckInvariants = true }, ownThread: true);
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        HttpResponseMessage[] held = [await server.OpenStreamAsync(), await server.OpenStreamAsync()];
        HttpResponseMessage refused = await server.ChatAsync();
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal("queue_full", (string)(await Task.FromResult(refused).ErrorAsync(429))["code"]!);
        runner.Release();
        foreach (HttpResponseMessage response in held)
        {
            Assert.EndsWith("data: [DONE]\n\n", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        await TestServer.UntilAsync(() => Idle(engine));
    }

    [Fact]
    public async Task A_step_that_fails_is_a_500_and_the_next_request_is_served()
    {
        ScriptedRunner runner = new(Tokens.VocabularySize, Tokens.Encode("hello")) { Fails = true };
        using InferenceEngine engine = new(runner, new EngineOptions(), ownThread: true);
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        Assert.DoesNotContain("kernel", (await server.CompleteAsync().ErrorAsync(500)).ToJsonString(), StringComparison.Ordinal);
        runner.Fails = false;
        Assert.Equal("hellohello", (string)(await server.CompleteAsync(""", "max_tokens": 2""").JsonAsync())["choices"]![0]!["text"]!);
    }

    [Fact]
    public async Task An_engine_that_is_disposed_refuses_as_shutting_down()
    {
        InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        await engine.DrainAsync();
        Assert.Equal("shutting_down", (string)(await server.ChatAsync().ErrorAsync(503))["code"]!);
        engine.Dispose();
        Assert.Equal("shutting_down", (string)(await server.ChatAsync().ErrorAsync(503))["code"]!);
    }

    [Fact]
    public async Task Many_clients_some_of_whom_go_leave_nothing_behind()
    {
        using InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine(new EngineOptions { MaxSequences = 4, QueueLimit = 8 });
        await using TestServer server = await TestServer.StartAsync(Generator(engine));
        Random random = new(3);
        int[] waits = [.. Enumerable.Range(0, 60).Select(_ => random.Next(40))];
        await Task.WhenAll(waits.Select(async (wait, index) =>
        {
            using CancellationTokenSource gone = new(index % 2 == 0 ? wait : 30_000);
            string body = $$"""{"model": "tiny", "prompt": "Hi {{index}}", "max_tokens": {{wait + 1}}, "n": {{1 + (index % 3)}}, "stream": {{(index % 4 == 0 ? "true" : "false")}}}""";
            try
            {
                using HttpResponseMessage response = await server.Client.SendAsync(TestServer.Post("/v1/completions", Encoding.UTF8.GetBytes(body)), gone.Token);
                Assert.Contains((int)response.StatusCode, new[] { 200, 429 });
            }
            catch (OperationCanceledException)
            {
                Assert.True(index % 2 == 0);
            }
        }));
        await TestServer.UntilAsync(() => Idle(engine));
        EngineStatistics statistics = engine.Statistics;
        Assert.Equal(0, statistics.Failed);
    }

    static TextGenerator Generator(InferenceEngine engine) => new(engine, Tokens, Template);

    static bool Idle(InferenceEngine engine) => engine.Statistics is { RunningSequences: 0, WaitingSequences: 0, UsedKvBlocks: 0 };
}
