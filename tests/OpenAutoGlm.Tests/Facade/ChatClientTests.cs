using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using OpenAutoGlm.Chat;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Facade;

/// <summary>The chat client over a scripted model: what options and messages become, and what events become.</summary>
public class ChatClientTests
{
    static readonly TokenUsage Usage = new(7, 5, 3);

    [Fact]
    public async Task Text_thinking_and_calls_come_as_contents_of_one_message()
    {
        Script script = new(
            new ThinkingDelta(0, "Let me "), new ThinkingDelta(0, "see."), new TextDelta(0, "I ask "), new TextDelta(0, "twice."),
            new ToolCallDelta(0, 0, """{"city": """) { Id = "call_1", Name = "weather" }, new ToolCallDelta(0, 0, "\"Köln\"}"),
            new ToolCallDelta(0, 1, "{}") { Id = "call_2", Name = "time" },
            new ChoiceFinished(0, FinishReason.Stop, Usage, default) { ToolCalls = 2 });
        ChatResponse response = await script.Client.GetResponseAsync("Hi", cancellationToken: Cancellation);
        ChatMessage message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.Equal("Let me see.", Assert.Single(message.Contents.OfType<TextReasoningContent>()).Text);
        Assert.Equal("I ask twice.", response.Text);
        FunctionCallContent[] calls = [.. message.Contents.OfType<FunctionCallContent>()];
        Assert.Equal([("call_1", "weather"), ("call_2", "time")], calls.Select(call => (call.CallId, call.Name)));
        Assert.Equal("Köln", ((JsonElement)calls[0].Arguments!["city"]!).GetString());
        Assert.Empty(calls[1].Arguments!);
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.Equal((7, 5, 12, 3), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount, response.Usage.CachedInputTokenCount));
        Assert.Equal(("model", true), (response.ModelId, response.ResponseId!.StartsWith("chatcmpl-", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_call_that_was_cut_off_tells_so_instead_of_throwing()
    {
        Script script = new(new ToolCallDelta(0, 0, """{"city": "K""") { Id = "a", Name = "weather" }, new ChoiceFinished(0, FinishReason.Length, Usage, default) { ToolCalls = 1 });
        ChatResponse response = await script.Client.GetResponseAsync("Hi", cancellationToken: Cancellation);
        Assert.NotNull(Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>()).Exception);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
    }

    [Fact]
    public async Task An_answer_that_fails_or_is_cancelled_throws()
    {
        SequenceFailedException failure = new("no numbers");
        Script failed = new(new TextDelta(0, "a"), new ChoiceFinished(0, FinishReason.Failed, Usage, default) { Error = failure });
        Assert.Same(failure, await Assert.ThrowsAsync<SequenceFailedException>(() => failed.Client.GetResponseAsync("Hi", cancellationToken: Cancellation)));
        Script cancelled = new(new ChoiceFinished(0, FinishReason.Cancelled, Usage, default) { Cancellation = CancellationReason.EngineStopped });
        SequenceCancelledException error = await Assert.ThrowsAsync<SequenceCancelledException>(() => cancelled.Client.GetResponseAsync("Hi", cancellationToken: Cancellation));
        Assert.Equal(CancellationReason.EngineStopped, error.Reason);
    }

    [Fact]
    public async Task Every_option_reaches_the_request()
    {
        Script script = new();
        [Description("The weather of a city.")]
        static string Weather([Description("The city.")] string city) => city;
        ChatOptions options = new()
        {
            Instructions = "Be brief.",
            Temperature = 0.25f,
            TopP = 0.5f,
            TopK = 7,
            FrequencyPenalty = 0.5f,
            PresencePenalty = -0.5f,
            Seed = 42,
            MaxOutputTokens = 9,
            StopSequences = ["END", "\n\n"],
            ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type": "integer"}""")),
            Tools = [AIFunctionFactory.Create(Weather, "weather")],
            ToolMode = ChatToolMode.RequireSpecific("weather"),
            AllowMultipleToolCalls = false,
            ModelId = "model",
            Reasoning = new ReasoningOptions { Effort = ReasoningEffort.Low },
            AdditionalProperties = new() { ["today"] = "Friday", ["depth"] = 3 },
        };
        await script.Client.GetResponseAsync("Hi", options, Cancellation);
        GenerationRequest request = script.Request!;
        Assert.Equal((0.25f, 0.5f, 7, 0.5f, -0.5f, 42ul), (request.Sampling.Temperature, request.Sampling.TopP, request.Sampling.TopK, request.Sampling.FrequencyPenalty, request.Sampling.PresencePenalty, request.Sampling.Seed!.Value));
        Assert.Equal(9, request.MaxTokens);
        Assert.Equal(["END", "\n\n"], request.Stop);
        Assert.Equal(("json", """{"type": "integer"}"""), (request.Constraint!.Kind, request.Constraint.Text));
        Assert.Equal((true, "weather", false), (request.ToolChoice.IsRequired, request.ToolChoice.Name, request.ParallelToolCalls));
        Assert.True(request.Thinking!.Apart);
        GenerationPrompt.Chat prompt = Assert.IsType<GenerationPrompt.Chat>(request.Prompt);
        Assert.Equal("""[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]""", prompt.Messages.ToJsonString());
        Assert.Equal("""{"enable_thinking":true,"reasoning_effort":"low","today":"Friday","depth":3}""", prompt.Variables!.ToJsonString());
        JsonNode tool = Assert.Single(prompt.Tools!)!;
        Assert.Equal(("function", "weather", "The weather of a city."), ((string)tool["type"]!, (string)tool["function"]!["name"]!, (string)tool["function"]!["description"]!));
        Assert.Equal("string", (string)tool["function"]!["parameters"]!["properties"]!["city"]!["type"]!);
    }

    [Fact]
    public async Task What_options_do_not_say_comes_from_the_given_request_or_the_model()
    {
        Script script = new();
        await script.Client.GetResponseAsync("Hi", cancellationToken: Cancellation);
        Assert.Equal((0.6f, 20), (script.Request!.Sampling.Temperature, script.Request.Sampling.TopK));
        GenerationRequest given = new() { Prompt = new GenerationPrompt.Text(""), Sampling = new SamplingOptions { MinP = 0.1f, Temperature = 0.9f }, MaxTokens = 5, Priority = 3 };
        await script.Client.GetResponseAsync("Hi", new ChatOptions { RawRepresentationFactory = _ => given, Temperature = 0.5f }, Cancellation);
        Assert.Equal((0.1f, 0.5f, 5, 3), (script.Request.Sampling.MinP, script.Request.Sampling.Temperature, script.Request.MaxTokens, script.Request.Priority));
        Assert.IsType<GenerationPrompt.Chat>(script.Request.Prompt);
    }

    [Fact]
    public async Task A_conversation_with_calls_and_results_is_what_templates_expect()
    {
        Script script = new();
        await script.Client.GetResponseAsync(
            [
                new(ChatRole.User, "Weather?"),
                new(ChatRole.Assistant, [new TextReasoningContent("hm"), new FunctionCallContent("c1", "weather", new Dictionary<string, object?> { ["city"] = "Köln", ["days"] = 2 }), new UsageContent(new())]),
                new(ChatRole.Tool, [new FunctionResultContent("c1", new Dictionary<string, object?> { ["sky"] = "grey" }), new FunctionResultContent("c2", "plain") { }]),
                new(ChatRole.Tool, [new FunctionResultContent("c1", null) { Exception = new IOException("no network") }]),
            ],
            cancellationToken: Cancellation);
        JsonArray messages = Assert.IsType<GenerationPrompt.Chat>(script.Request!.Prompt).Messages;
        JsonNode expected = JsonNode.Parse("""
            [
              {"role": "user", "content": "Weather?"},
              {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Köln", "days": 2}}}]},
              {"role": "tool", "tool_call_id": "c1", "content": "{\"sky\":\"grey\"}", "name": "weather"},
              {"role": "tool", "tool_call_id": "c2", "content": "plain"},
              {"role": "tool", "tool_call_id": "c1", "content": "Error: no network", "name": "weather"}
            ]
            """)!;
        Assert.True(JsonNode.DeepEquals(expected, messages), messages.ToJsonString());
    }

    public static TheoryData<string, Action<ChatOptions>> Refused => new()
    {
        { "ConversationId", options => options.ConversationId = "abc" },
        { "ModelId", options => options.ModelId = "another" },
        { "HostedWebSearchTool", options => options.Tools = [new HostedWebSearchTool()] },
        { "RawRepresentationFactory", options => options.RawRepresentationFactory = _ => "request" },
        { "several choices", options => options.RawRepresentationFactory = _ => new GenerationRequest { Prompt = new GenerationPrompt.Text(""), Choices = 2 } },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public async Task What_a_model_of_this_process_does_not_have_is_refused_by_name(string name, Action<ChatOptions> set)
    {
        ChatOptions options = new();
        set(options);
        NotSupportedException refusal = await Assert.ThrowsAsync<NotSupportedException>(() => new Script().Client.GetResponseAsync("Hi", options, Cancellation));
        Assert.Contains(name, refusal.Message);
    }

    [Fact]
    public async Task An_image_and_a_foreign_role_are_refused_by_name()
    {
        ChatMessage image = new(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]);
        Assert.Contains("DataContent", (await Assert.ThrowsAsync<NotSupportedException>(() => new Script().Client.GetResponseAsync(image, cancellationToken: Cancellation))).Message);
        ChatMessage critic = new(new ChatRole("critic"), "no");
        Assert.Contains("'critic'", (await Assert.ThrowsAsync<NotSupportedException>(() => new Script().Client.GetResponseAsync(critic, cancellationToken: Cancellation))).Message);
    }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A model that says what it is told to say, and keeps the request.</summary>
    sealed class Script(params GenerationEvent[] events)
    {
        public GenerationRequest? Request { get; private set; }

        public IChatClient Client => new AutoGlmChatClient((request, _) => Answer(request), "model", new SamplingOptions { Temperature = 0.6f, TopK = 20 }, TimeProvider.System);

        async IAsyncEnumerable<GenerationEvent> Answer(GenerationRequest request)
        {
            Request = request;
            await Task.Yield();
            foreach (GenerationEvent happened in events is [] ? [new ChoiceFinished(0, FinishReason.Stop, Usage, default)] : events)
            {
                yield return happened;
            }
        }
    }
}
