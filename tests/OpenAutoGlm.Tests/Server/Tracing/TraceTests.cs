using System.Collections.Concurrent;
using System.Diagnostics;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Server.Tracing;

public sealed class TraceTests : IDisposable
{
    readonly ActivityTraceId _trace = ActivityTraceId.CreateRandom();
    readonly ConcurrentQueue<Activity> _spans = [];
    readonly ActivityListener _listener;

    public TraceTests()
    {
        // Other tests run beside this one: only the trace that this test began is its own.
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name.StartsWith("OpenAutoGlm.", StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> options) => options.TraceId == _trace ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.TraceId == _trace)
                {
                    _spans.Enqueue(span);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task A_request_is_one_trace_of_its_parts_beneath_the_clients_span()
    {
        Tokenizer tokens = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());
        using InferenceEngine engine = new TinyModel(tokens.VocabularySize).Engine();
        await using TestServer server = await TestServer.StartAsync(new TextGenerator(engine, tokens, ChatTemplate.Parse("{{ messages[0].content }}")));
        const string client = "00f067aa0ba902b7";
        HttpRequestMessage request = TestServer.Post("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "secret prompt"}], "max_tokens": 5, "ignore_eos": true}"""u8.ToArray());
        request.Headers.Add("traceparent", $"00-{_trace.ToHexString()}-{client}-01");
        await (await server.Client.SendAsync(request, TestContext.Current.CancellationToken)).JsonAsync();
        await TestServer.UntilAsync(() => _spans.Any(span => span.Kind == ActivityKind.Server));

        Activity whole = _spans.Single(span => span.Kind == ActivityKind.Server);
        Assert.Equal(("POST /v1/chat/completions", client), (whole.DisplayName, whole.ParentSpanId.ToHexString()));
        Assert.Equal((200, 5), (whole.GetTagItem("http.response.status_code"), whole.GetTagItem("gen_ai.usage.output_tokens")));
        Activity run = _spans.Single(span => span.OperationName == "generate");
        Assert.Equal(whole.SpanId, run.ParentSpanId);
        string[] parts = ["template", "tokenise", "queue", "prefill", "decode"];
        Assert.Equal(parts.Append("detokenise").Order(), _spans.Where(span => span.ParentSpanId == run.SpanId).Select(span => span.OperationName).Order());
        Activity[] inOrder = [.. parts.Select(part => _spans.Single(span => span.OperationName == part))];
        Assert.All(inOrder.Zip(inOrder.Skip(1)), pair => Assert.True(pair.First.StartTimeUtc <= pair.Second.StartTimeUtc, $"{pair.First.OperationName} before {pair.Second.OperationName}"));
        Assert.All(inOrder[2..].Zip(inOrder.Skip(3)), pair => Assert.Equal(pair.First.StartTimeUtc + pair.First.Duration, pair.Second.StartTimeUtc));
        Assert.True(inOrder[^1].Duration > TimeSpan.Zero);
        Assert.Equal(5, _spans.Single(span => span.OperationName == "detokenise").GetTagItem("autoglm.pieces"));
        Assert.DoesNotContain(_spans.SelectMany(span => span.TagObjects), tag => $"{tag.Value}".Contains("secret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("00-00000000000000000000000000000000-00f067aa0ba902b7-01")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")]
    public async Task A_traceparent_that_is_none_is_left_alone(string header)
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpRequestMessage request = TestServer.Post("/v1/chat/completions", """{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}"""u8.ToArray());
        request.Headers.TryAddWithoutValidation("traceparent", header);
        Assert.True((await server.Client.SendAsync(request, TestContext.Current.CancellationToken)).IsSuccessStatusCode);
        Assert.Empty(_spans);
    }

    [Fact]
    public async Task An_error_is_told_by_its_code()
    {
        await using TestServer server = await TestServer.StartAsync();
        HttpRequestMessage request = TestServer.Post("/v1/chat/completions", "{}"u8.ToArray());
        request.Headers.Add("traceparent", $"00-{_trace.ToHexString()}-00f067aa0ba902b7-01");
        await server.Client.SendAsync(request, TestContext.Current.CancellationToken).ErrorAsync(400);
        await TestServer.UntilAsync(() => !_spans.IsEmpty);
        Assert.Equal(("missing_required_parameter", ActivityStatusCode.Unset), (_spans.Single().GetTagItem("error.type"), _spans.Single().Status));
    }
}
