using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Traces;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Cli.Load;

public sealed class BenchServeTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Help_teaches_with_examples_that_parse()
    {
        string page = (await CommandRun.Of("bench", "serve", "--help")).Done();
        string[] examples = [.. page[page.IndexOf("Examples:", StringComparison.Ordinal)..].Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("autoglm ", StringComparison.Ordinal))];
        Assert.NotEmpty(examples);
        Assert.All(examples, example =>
        {
            Assert.StartsWith("autoglm bench serve", example);
            Assert.Empty(CommandLine.ErrorsOf(example["autoglm ".Length..]));
        });
    }

    [Fact]
    public async Task A_sweep_has_a_row_for_each_number_and_every_request_is_in_the_records()
    {
        await using ScriptedServer server = new((body, reply) => reply.GoodAsync(body));
        string records = _folder.File("records.jsonl");
        CommandRun run = await Bench(server, "--concurrency", "1,3", "-n", "7", "--output-tokens", "4", "--slo-ttft", "10s", "--records", records, "--svg", _folder.File("load.svg"), "--json");
        run.Done();
        JsonElement[] results = [.. run.Json.GetProperty("results").EnumerateArray()];
        Assert.Equal([1, 3], results.Select(result => result.GetProperty("point").GetProperty("value").GetInt32()));
        Assert.All(results, result =>
        {
            Assert.Equal(7, result.GetProperty("finished").GetInt32());
            Assert.Equal(0, result.GetProperty("failed").GetInt32());
            Assert.Equal(28, result.GetProperty("outputTokens").GetInt32());
            Assert.Equal(35, result.GetProperty("cachedTokens").GetInt32());
            Assert.Equal(1, result.GetProperty("goodput").GetProperty("fraction").GetDouble());
            Assert.True(result.GetProperty("ttftMs").GetProperty("p99").GetDouble() > 0);
            Assert.True(result.GetProperty("client").GetProperty("cpuSeconds").GetDouble() > 0);
        });
        Assert.Equal("scripted", run.Json.GetProperty("targets")[0].GetProperty("model").GetString());
        Assert.Equal(14, TraceReader.Read(records).Requests.Length);
        Assert.StartsWith("<svg", await File.ReadAllTextAsync(_folder.File("load.svg"), TestContext.Current.CancellationToken));

        // One question about token ids, two requests to warm up each run, and the measured ones.
        JsonNode[] asked = server.Asked;
        Assert.Equal(1 + (2 * (2 + 7)), asked.Length);
        JsonNode[] sent = [.. asked.Where(body => body["stream"] is not null)];
        Assert.All(sent, body =>
        {
            Assert.Equal(256, body["prompt"]!.AsArray().Count);
            Assert.Equal((4, 0, true, true, true), ((int)body["max_tokens"]!, (int)body["temperature"]!, (bool)body["stream"]!, (bool)body["ignore_eos"]!, (bool)body["stream_options"]!["include_usage"]!));
        });
        Assert.Equal(sent.Length, sent.Select(body => body["prompt"]!.ToJsonString()).Distinct().Count());
    }

    [Fact]
    public async Task A_shared_prefix_is_the_same_in_all_prompts_and_a_seed_repeats_them()
    {
        await using ScriptedServer server = new((body, reply) => reply.GoodAsync(body));
        string[] arguments = ["--token-ids", "100-900", "--shared-prefix", "40", "--prompt-tokens", "5-20", "--output-tokens", "1", "-n", "4", "--warmup", "0", "--seed", "5", "--json"];
        (await Bench(server, arguments)).Done();
        int[][] prompts = [.. server.Asked.Select(body => body["prompt"].Deserialize<int[]>()!)];
        Assert.Equal(4, prompts.Length);
        Assert.All(prompts, prompt => Assert.Equal(prompts[0][..40], prompt[..40]));
        Assert.Equal(4, prompts.Select(prompt => prompt[40]).Distinct().Count());
        Assert.All(prompts, prompt => Assert.InRange(prompt.Length, 45, 60));
        Assert.All(prompts.SelectMany(prompt => prompt), id => Assert.InRange(id, 100, 900));

        (await Bench(server, arguments)).Done();
        Assert.Equal(prompts.Select(prompt => string.Join(',', prompt)).Order(), server.Asked[4..].Select(body => string.Join(',', body["prompt"].Deserialize<int[]>()!)).Order());
    }

    [Theory]
    [InlineData("", 187, 63)]
    [InlineData(", \"owned_by\": \"vllm\"", 3000, 1000)]
    [InlineData(", \"meta\": {\"n_vocab\": 512}", 187, 63)]
    [InlineData(", \"meta\": {\"n_vocab\": 32000}", 18750, 6250)]
    public async Task A_server_is_never_asked_for_an_id_that_it_might_not_have(string model, int count, int first)
    {
        // Some servers die of an id beyond their vocabulary. This one has 5000 tokens.
        await using ScriptedServer server = new((body, reply) => body["prompt"]!.AsArray().Any(id => (int)id! >= 5000) && model.Contains("vllm")
            ? reply.JsonAsync("{}", "400 Bad Request")
            : reply.GoodAsync(body))
        { Model = model };
        CommandRun run = await Bench(server, "-n", "4", "--warmup", "0", "--prompt-tokens", "2000", "--output-tokens", "1");
        run.Done();
        int[] ids = [.. server.Asked.Where(body => body["stream"] is not null).SelectMany(body => body["prompt"].Deserialize<int[]>()!)];
        Assert.InRange(ids.Min(), first - 1, first + (count / 100));
        Assert.InRange(ids.Max(), first + count - 1 - (count / 100) - 1, first + count - 1);
    }

    [Fact]
    public async Task Conversations_carry_what_the_server_answered()
    {
        await using ScriptedServer server = new((body, reply) => reply.GoodAsync(body));
        CommandRun run = await Bench(server, "--turns", "3", "--prompt-tokens", "21", "--output-tokens", "2", "-n", "2", "--warmup", "0", "--json");
        run.Done();
        Assert.Equal(6, run.Json.GetProperty("results")[0].GetProperty("finished").GetInt32());
        JsonArray[] asked = [.. server.Asked.Where(body => body["stream"] is not null).Select(body => body["messages"]!.AsArray())];
        Assert.Equal([1, 3, 5, 1, 3, 5], asked.Select(messages => messages.Count));
        Assert.Equal(["user", "assistant", "user", "assistant", "user"], asked[2].Select(message => (string)message!["role"]!));
        Assert.Equal(" w0 w1", (string)asked[2][1]!["content"]!);
        Assert.Equal((string)asked[0][0]!["content"]!, (string)asked[2][0]!["content"]!);

        // The server says that a word has two tokens and that three stand around: 21 tokens are 9 words.
        Assert.Equal(9, ((string)asked[0][0]!["content"]!).Split(' ').Length);
    }

    [Fact]
    public async Task A_file_tells_what_is_said()
    {
        await using ScriptedServer server = new((body, reply) => reply.GoodAsync(body));
        string file = _folder.Write("talk.jsonl", """
            {"messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "(from the file)"}, {"role": "user", "content": "Bye"}]}
            """);
        (await Bench(server, "--prompts", file, "--output-tokens", "1", "-n", "1", "--warmup", "0", "--no-ignore-eos", "--extra", """{"temperature": 0.5, "top_k": 7}""")).Done();
        JsonNode last = server.Asked[^1];
        Assert.Equal(["Be short.", "Hi", " w0", "Bye"], last["messages"]!.AsArray().Select(message => (string)message!["content"]!));
        Assert.Equal((0.5, 7), ((double)last["temperature"]!, (int)last["top_k"]!));
        Assert.Null(last["ignore_eos"]);
    }

    [Fact]
    public async Task A_trace_is_replayed_with_its_lengths_and_shared_blocks()
    {
        await using ScriptedServer server = new((body, reply) => reply.GoodAsync(body));
        string trace = _folder.Write("trace.jsonl", """
            {"timestamp": 0, "input_length": 600, "output_length": 9, "hash_ids": [0, 1]}
            {"timestamp": 40, "input_length": 700, "output_length": 3, "hash_ids": [0, 2]}
            {"timestamp": 90, "input_length": 2000, "output_length": 4, "hash_ids": [0, 2, 3, 4]}
            {"timestamp": 99, "input_length": 10, "output_length": 1, "hash_ids": [9]}
            """);
        CommandRun run = await Bench(server, "--trace", trace, "--limit", "3", "--max-tokens-cap", "4", "--max-prompt-cap", "1000", "--time-scale", "2", "--warmup", "0", "--json");
        run.Done();
        int[][] prompts = [.. server.Asked.Where(body => body["stream"] is not null).Select(body => body["prompt"].Deserialize<int[]>()!)];
        Assert.Equal([600, 700, 1000], prompts.Select(prompt => prompt.Length));
        Assert.Equal(prompts[0][..512], prompts[1][..512]);
        Assert.Equal(prompts[1], prompts[2][..700]);
        Assert.Contains("2 of 3 requests", run.Json.GetProperty("remarks")[0].GetString());
        Assert.True(run.Json.GetProperty("results")[0].GetProperty("seconds").GetDouble() >= 0.18);
    }

    [Fact]
    public async Task Two_servers_are_asked_in_turn_and_compared()
    {
        List<string> turns = [];
        await using ScriptedServer first = new((body, reply) => Answer("first", body, reply));
        await using ScriptedServer second = new((body, reply) => Answer("second", body, reply));
        CommandRun run = await Bench(first, "--compare", second.Url, "--repeat", "3", "-n", "2", "--warmup", "0", "--token-ids", "10-20", "--output-tokens", "3", "--json");
        run.Done();
        Assert.Equal(["first", "first", "second", "second", "first", "first", "second", "second", "first", "first", "second", "second"], turns);
        JsonElement[] ratios = [.. run.Json.GetProperty("comparisons").EnumerateArray()];
        Assert.Contains(ratios, ratio => ratio.GetProperty("measure").GetString() == "TTFT p50" && ratio.GetProperty("runs").GetInt32() == 3 && ratio.GetProperty("median").GetDouble() > 0);
        Assert.Equal([6, 6], run.Json.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("finished").GetInt32()));
        string text = (await Bench(first, "--compare", second.Url, "-n", "1", "--token-ids", "10-20")).Done();
        Assert.Contains("÷", text);

        Task Answer(string name, JsonNode body, ScriptedServer.Reply reply)
        {
            lock (turns)
            {
                turns.Add(name);
            }

            return reply.GoodAsync(body);
        }
    }

    [Fact]
    public async Task Failures_are_counted_with_their_reasons_and_spoil_nothing_else()
    {
        int asked = 0;
        await using ScriptedServer server = new((body, reply) => Interlocked.Increment(ref asked) % 2 == 0 ? reply.JsonAsync("""{"error": {"message": "full"}}""", "429 Too Many Requests") : reply.GoodAsync(body));
        CommandRun run = await Bench(server, "-n", "10", "--warmup", "0", "--token-ids", "10-20", "--output-tokens", "2", "--slo-e2e", "20s", "--json");
        run.Done();
        JsonElement result = run.Json.GetProperty("results")[0];
        Assert.Equal((5, 5), (result.GetProperty("finished").GetInt32(), result.GetProperty("failed").GetInt32()));
        Assert.Equal(("refused", "429 full", 5), (result.GetProperty("failures")[0].GetProperty("kind").GetString(), result.GetProperty("failures")[0].GetProperty("reason").GetString(), result.GetProperty("failures")[0].GetProperty("count").GetInt32()));
        Assert.Equal(0.5, result.GetProperty("goodput").GetProperty("fraction").GetDouble());
    }

    [Fact]
    public async Task Nothing_but_failures_is_a_failure_that_says_why()
    {
        await using ScriptedServer server = new((_, reply) => reply.JsonAsync("""{"error": {"message": "broken"}}""", "500 Oops"));
        CommandRun run = await Bench(server, "-n", "3", "--token-ids", "10-20");
        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.Contains("3 × http-error: 500 broken", run.Error);
        Assert.Contains("No request finished", run.Error);
    }

    [Fact]
    public async Task Ctrl_C_prints_what_was_measured()
    {
        using Interrupts interrupts = new();
        int asked = 0;
        await using ScriptedServer server = new(async (body, reply) =>
        {
            if (Interlocked.Increment(ref asked) == 4)
            {
                interrupts.Interrupt();
                await Task.Delay(Timeout.Infinite, reply.End);
            }

            await reply.GoodAsync(body);
        });
        CommandRun run = await CommandRun.OfInterrupted(interrupts, "", ["bench", "serve", "--url", server.Url, "-n", "1000", "--warmup", "0", "--token-ids", "10-20", "--concurrency", "1,2", "--json"]);
        Assert.Equal(ExitCode.Interrupted, run.Code);
        JsonElement result = Assert.Single(run.Json.GetProperty("results").EnumerateArray());
        Assert.Equal((3, 0, 1), (result.GetProperty("finished").GetInt32(), result.GetProperty("failed").GetInt32(), result.GetProperty("interrupted").GetInt32()));
    }

    [Fact]
    public async Task Requests_beyond_what_the_client_takes_are_told_of()
    {
        TaskCompletionSource free = new();
        await using ScriptedServer server = new(async (body, reply) =>
        {
            await free.Task;
            await reply.GoodAsync(body);
        });
        Task<CommandRun> running = Bench(server, "--rate", "100", "--arrivals", "constant", "-n", "10", "--max-in-flight", "4", "--warmup", "0", "--token-ids", "10-20", "--json");
        await TestServer.UntilAsync(() => server.Asked.Length == 4);
        await Task.Delay(600, TestContext.Current.CancellationToken);
        free.SetResult();
        CommandRun run = await running;
        run.Done();
        JsonElement result = run.Json.GetProperty("results")[0];
        Assert.Equal((4, 6), (result.GetProperty("finished").GetInt32(), result.GetProperty("failed").GetInt32()));
        Assert.Equal("unsent", result.GetProperty("failures")[0].GetProperty("kind").GetString());
    }

    [Theory]
    [InlineData("exclude each other", "--rate", "1", "--concurrency", "2")]
    [InlineData("--time-scale stretches a trace", "--time-scale", "2")]
    [InlineData("--limit, --max-tokens-cap", "--limit", "2")]
    [InlineData("--arrivals and --burstiness shape", "--arrivals", "constant")]
    [InlineData("exclude each other", "--arrivals", "constant", "--burstiness", "2", "--rate", "1")]
    [InlineData("--concurrency takes", "--concurrency", "0")]
    [InlineData("--rate takes numbers above 0", "--rate", "0")]
    [InlineData("--rate takes numbers above 0", "--rate", "1,x")]
    [InlineData("--rate-profile takes stages", "--rate-profile", "30:2")]
    [InlineData("--prompt-tokens takes tokens", "--prompt-tokens", "many")]
    [InlineData("--duration takes a time", "--duration", "5")]
    [InlineData("--extra takes a JSON object", "--extra", "{\"model\": \"x\"}")]
    [InlineData("--extra takes a JSON object", "--extra", "[1]")]
    [InlineData("--url takes an address", "--url", "localhost")]
    [InlineData("--url takes an address", "--url", "file:///etc/passwd")]
    [InlineData("belong to --compare", "--compare-model", "x")]
    [InlineData("Chats are texts", "--endpoint", "chat", "--prompts", "ids")]
    [InlineData("Conversations need", "--turns", "2", "--endpoint", "completions")]
    [InlineData("autoglm bench serve --help", "--nonsense")]
    public async Task A_command_line_without_sense_is_refused_in_one_line(string message, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["bench", "serve", .. arguments]);
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains(message, run.Error);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Nobody_at_the_address_is_said_at_once()
    {
        CommandRun run = await CommandRun.Of("bench", "serve", "--url", "http://127.0.0.1:1");
        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.Contains("cannot be reached", run.Error);
    }

    [Fact]
    public async Task The_projects_own_server_is_measured()
    {
        Tokenizer tokens = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());
        using InferenceEngine engine = new TinyModel(tokens.VocabularySize).Engine();
        TextGenerator generator = new(engine, tokens, ChatTemplate.Parse("{% for message in messages %}{{ message.content }}{% endfor %}"), []);
        await using TestServer server = await TestServer.StartAsync(generator);
        string url = server.Server.Urls.Single();
        string last = $"1-{Math.Min(tokens.VocabularySize, 200) - 1}";
        CommandRun run = await CommandRun.Of("bench", "serve", "--url", url, "--token-ids", last, "--prompt-tokens", "10-30", "--output-tokens", "6", "--rate", "100", "-n", "12", "--json");
        run.Done();
        JsonElement result = run.Json.GetProperty("results")[0];
        Assert.Equal((12, 0, 72), (result.GetProperty("finished").GetInt32(), result.GetProperty("failed").GetInt32(), result.GetProperty("outputTokens").GetInt32()));
        Assert.Equal(result.GetProperty("plannedInputTokens").GetInt32(), result.GetProperty("inputTokens").GetInt32());

        run = await CommandRun.Of("bench", "serve", "--url", url, "--turns", "2", "--prompt-tokens", "16", "--output-tokens", "3", "-n", "2", "--json");
        run.Done();
        Assert.Equal(4, run.Json.GetProperty("results")[0].GetProperty("finished").GetInt32());
    }

    static Task<CommandRun> Bench(ScriptedServer server, params string[] arguments) => CommandRun.Of(["bench", "serve", "--url", server.Url, .. arguments]);
}
