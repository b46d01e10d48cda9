using System.Globalization;
using System.Text.RegularExpressions;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Server.Metrics;

public partial class MetricsTests
{
    [Fact]
    public async Task The_page_has_the_form_of_version_0_0_4()
    {
        ScriptedSource source = new();
        await using TestServer server = await TestServer.StartAsync(source, null, new ServedModel("a \"quoted\\\nname\"".Replace("\n", ""), source, 64), new ServedModel("tiny", source, 64));
        await server.ChatAsync().JsonAsync();
        await server.ChatAsync(""", "wrong": 1""").ErrorAsync(400);
        HttpResponseMessage response = await server.Client.GetAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        string page = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.EndsWith("\n", page, StringComparison.Ordinal);

        HashSet<string> families = [];
        HashSet<string> series = [];
        string family = "";
        foreach (string line in page[..^1].Split('\n'))
        {
            Match match = Line().Match(line);
            Assert.True(match.Success, line);
            if (match.Groups["type"].Success)
            {
                family = match.Groups["family"].Value;
                Assert.True(families.Add(family), $"{family} is there twice");
            }
            else if (match.Groups["name"].Success)
            {
                Assert.StartsWith(family, match.Groups["name"].Value, StringComparison.Ordinal);
                Assert.True(series.Add(line[..line.LastIndexOf(' ')]), $"twice: {line}");
            }
        }

        Assert.Contains("""autoglm:request_success_total{model_name="a \"quoted\\name\"",finished_reason="stop"} 0""", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_tokens_times_and_errors_are_counted()
    {
        HandClock clock = new();
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { TimeProvider = clock, KeepAliveInterval = null });
        await server.ChatAsync().JsonAsync();
        await server.ChatAsync(""", "stream": true, "n": 2""").EventsAsync();
        await server.ChatAsync(""", "wrong": 1""").ErrorAsync(400);
        server.Source.Refusal = new RequestRefusedException(RefusalReason.QueueFull, null, "full");
        await server.ChatAsync().ErrorAsync(429);
        (server.Source.Refusal, server.Source.Reason) = (null, FinishReason.Failed);
        await server.ChatAsync().ErrorAsync(500);
        await server.ChatAsync(""", "stream": true""").EventsAsync();

        Page page = await Page.ReadAsync(server);
        Assert.Equal(3, page["autoglm:request_success_total", "model_name=\"tiny\",finished_reason=\"stop\""]);
        Assert.Equal(2, page["autoglm:request_success_total", "model_name=\"tiny\",finished_reason=\"error\""]);
        Assert.Equal(1, page["autoglm:request_refused_total", Tiny]);
        Assert.Equal(28, page["autoglm:prompt_tokens_total", Tiny]);
        Assert.Equal(2, page["autoglm:e2e_request_latency_seconds_count", Tiny]);
        Assert.Equal(2, page["autoglm:e2e_request_latency_seconds_bucket", Tiny + ",le=\"0.001\""]);
        Assert.Equal(3, page["autoglm:request_generation_tokens_count", Tiny]);
        Assert.Equal(6, page["autoglm:request_generation_tokens_sum", Tiny]);
        Assert.Equal(4, page["autoglm:time_to_first_token_seconds_count", Tiny]);
        Assert.Equal(5, page["autoglm:inter_token_latency_seconds_count", Tiny]);
        Assert.Equal(3, page["http_requests_total", "handler=\"/v1/chat/completions\",method=\"POST\",status=\"200\""]);
        Assert.Equal(1, page["http_requests_total", "handler=\"/v1/chat/completions\",method=\"POST\",status=\"400\""]);
        Assert.Equal(6, page["http_request_duration_seconds_count", "handler=\"/v1/chat/completions\""]);
        Assert.Equal(1, page["autoglm:request_errors_total", "model_name=\"-\",code=\"unknown_parameter\""]);
        Assert.Equal(1, page["autoglm:request_errors_total", "model_name=\"tiny\",code=\"queue_full\""]);
        Assert.Equal(2, page["autoglm:request_errors_total", "model_name=\"tiny\",code=\"internal_error\""]);
        Assert.Equal(1, page["autoglm:ready", ""]);
    }

    [Fact]
    public async Task A_client_that_went_is_counted_as_an_abort()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Source.Gate = new TaskCompletionSource().Task;
        using (await server.OpenStreamAsync())
        {
            await TestServer.UntilAsync(() => server.Source.Alive == 1);
        }

        await TestServer.UntilAsync(() => server.Server.Metrics.Of("tiny").Finished(FinishReason.Cancelled) == 1);
        Assert.Equal(0, server.Server.Metrics.Of("tiny").EndToEnd.Read().Total);
    }

    [Fact]
    public async Task An_engines_numbers_are_on_the_page()
    {
        Tokenizer tokens = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());
        using InferenceEngine engine = new TinyModel(tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(new TextGenerator(engine, tokens, ChatTemplate.Parse("{{ messages[0].content }}")));
        await server.ChatAsync(""", "max_tokens": 9, "ignore_eos": true""").JsonAsync();
        Page page = await Page.ReadAsync(server);
        Assert.Equal(9, page["autoglm:generation_tokens_total", Tiny]);
        Assert.Equal(1, page["autoglm:model_loaded", Tiny]);
        Assert.Equal(0, page["autoglm:num_requests_running", Tiny]);
        Assert.Equal(engine.KvBytes, page["autoglm:kv_cache_bytes", Tiny]);
        Assert.InRange(page["autoglm:prefix_cache_queries_total", Tiny], 1, 1000);
        Assert.InRange(page["autoglm:request_time_per_output_token_seconds_sum", Tiny], 1e-9, 10);
        Assert.InRange(page["process_resident_memory_bytes", ""], 1e6, 1e12);
    }

    [Fact]
    public void A_minute_is_told_by_itself()
    {
        HandClock clock = new();
        using ServerMetrics metrics = new(clock);
        ModelMetrics model = metrics.Of("tiny");
        metrics.Start();
        Assert.Null(metrics.Recent("other"));
        Finish(model, 100, TimeSpan.FromSeconds(9), tokens: 50);
        clock.Advance(120);
        for (int second = 0; second < 30; second++)
        {
            Finish(model, 2, TimeSpan.FromSeconds(0.2), tokens: 50);
            clock.Advance(1);
        }

        RecentFigures recent = metrics.Recent("tiny")!;
        Assert.InRange(recent.Span.TotalSeconds, 55, 60);
        Assert.Equal(60 / recent.Span.TotalSeconds, recent.FinishedPerSecond, 1e-9);
        Assert.Equal(3000 / recent.Span.TotalSeconds, recent.GenerationTokensPerSecond, 1e-9);
        Assert.Equal(60, recent.Queue.Count);
        Assert.InRange(recent.Queue.P99, 0.18, 0.22);
        Assert.Equal(0.2, recent.Queue.Mean, 1e-9);
        clock.Advance(120);
        recent = metrics.Recent("tiny")!;
        Assert.Equal((0, 0L, double.NaN), (recent.FinishedPerSecond, recent.Queue.Count, recent.Queue.P99));
    }

    const string Tiny = "model_name=\"tiny\"";

    static void Finish(ModelMetrics model, int choices, TimeSpan queue, int tokens)
    {
        for (int i = 0; i < choices; i++)
        {
            model.CountFinished(new ChoiceFinished(0, FinishReason.Stop, new TokenUsage(7, tokens), new SequenceTimings(queue, default, default, 0)));
        }
    }

    [GeneratedRegex("""^(# HELP (?<help>[a-z_:0-9]+) .+|# TYPE (?<family>[a-z_:0-9]+) (?<type>counter|gauge|histogram|summary)|(?<name>[a-z_:0-9]+)(\{([a-z_]+="([^"\\]|\\["\\n])*",?)+\})? (-?[0-9.E+-]+|NaN|\+Inf))$""")]
    private static partial Regex Line();

    /// <summary>The samples of a page by their names and labels.</summary>
    sealed class Page(Dictionary<string, double> samples)
    {
        public double this[string name, string labels] => samples.TryGetValue(labels.Length == 0 ? name : $"{name}{{{labels}}}", out double value)
            ? value
            : throw new Xunit.Sdk.XunitException($"There is no {name}{{{labels}}} among: {string.Join("; ", samples.Keys.Where(key => key.StartsWith(name, StringComparison.Ordinal)))}");

        public static async Task<Page> ReadAsync(TestServer server)
        {
            string text = await server.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
            return new Page(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#').ToDictionary(
                line => line[..line.LastIndexOf(' ')],
                line => line.EndsWith("+Inf", StringComparison.Ordinal) ? double.PositiveInfinity : double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)));
        }
    }
}
