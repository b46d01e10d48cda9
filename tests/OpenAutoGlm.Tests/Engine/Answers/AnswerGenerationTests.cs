using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>Tools and thinking through a whole generator, over a model that says what it is told where it may.</summary>
public class AnswerGenerationTests
{
    const string Hermes = "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}{% for m in messages %}{{ m.role }}:{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.arguments | tojson }}</tool_call>{% endfor %};{% endfor %}";

    static readonly Tokenizer Tokens = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());
    static readonly int End = Tokens.EosId!.Value;

    static readonly JsonArray Tools = JsonNode.Parse("""
        [{"type": "function", "function": {"name": "get", "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"], "additionalProperties": false}}}]
        """)!.AsArray();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_that_the_model_decides_on_is_told_as_one()
    {
        IReadOnlyList<GenerationEvent> events = await Run("So.\n<tool_call>\n{\"name\": \"get\", \"arguments\": {\"on\": true}}\n</tool_call>", Request(Tools));
        Assert.Equal("So.", string.Concat(events.OfType<TextDelta>().Select(delta => delta.Text)));
        ToolCallDelta[] call = [.. events.OfType<ToolCallDelta>()];
        Assert.Equal(("get", "{\"on\": true}"), (call[0].Name, string.Concat(call.Select(delta => delta.Arguments))));
        Assert.Single(call, delta => delta.Id is not null);
        ChoiceFinished end = Assert.IsType<ChoiceFinished>(events[^1]);
        Assert.Equal((FinishReason.Stop, 1), (end.Reason, end.ToolCalls));
    }

    [Fact]
    public async Task A_call_that_goes_wrong_is_led_back()
    {
        // "got" is no tool and "no" no argument: from the mark on only what is right may come.
        IReadOnlyList<GenerationEvent> events = await Run("<tool_call>\n{\"name\": \"got\", \"arguments\": {\"no\": true}}\n</tool_call>", Request(Tools));
        ToolCallDelta[] call = [.. events.OfType<ToolCallDelta>()];
        Assert.Equal("get", call[0].Name);
        Assert.DoesNotContain("no", string.Concat(call.Select(delta => delta.Arguments)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_is_asked_for_comes_from_a_model_that_would_talk()
    {
        foreach (ToolChoice choice in (ToolChoice[])[ToolChoice.Required, ToolChoice.Named("get")])
        {
            // What follows the forced beginning stands in the script where it will be needed.
            string head = "<tool_call>\n{\"name\": \"get\", \"arguments\": ";
            IReadOnlyList<GenerationEvent> events = await Run("<" + new string('x', head.Length - 1) + "{\"on\": true}}\n</tool_call>", Request(Tools) with { ToolChoice = choice });
            Assert.Empty(events.OfType<TextDelta>());
            Assert.Equal("get", events.OfType<ToolCallDelta>().First().Name);
            Assert.Equal(1, events.OfType<ChoiceFinished>().Single().ToolCalls);
            Assert.True(events.OfType<ToolCallDelta>().Count() > 1);
        }
    }

    [Fact]
    public async Task Without_tools_or_with_none_a_call_is_text()
    {
        const string text = "<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</tool_call>";
        foreach (GenerationRequest request in (GenerationRequest[])[Request(null), Request(Tools) with { ToolChoice = ToolChoice.None }])
        {
            IReadOnlyList<GenerationEvent> events = await Run(text, request);
            Assert.Equal(text, string.Concat(events.OfType<TextDelta>().Select(delta => delta.Text)));
            Assert.Equal(0, events.OfType<ChoiceFinished>().Single().ToolCalls);
        }
    }

    [Fact]
    public async Task Thinking_is_told_apart_where_that_is_asked_for()
    {
        GenerationRequest request = Request(null);
        IReadOnlyList<GenerationEvent> events = await Run("<think>\nHm.\n</think>\n\nYes.", request with { Thinking = new ThinkingOptions { Apart = true } });
        Assert.Equal(("Hm.", "Yes."), (string.Concat(events.OfType<ThinkingDelta>().Select(delta => delta.Text)), string.Concat(events.OfType<TextDelta>().Select(delta => delta.Text))));
        events = await Run("<think>\nHm.\n</think>\n\nYes.", request);
        Assert.Equal("<think>\nHm.\n</think>\n\nYes.", string.Concat(events.OfType<TextDelta>().Select(delta => delta.Text)));
    }

    [Theory]
    [InlineData("<think>\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 5)]
    [InlineData("", "<think>bbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 3)]
    [InlineData("<think>\n", "", 0)]
    public async Task A_budget_ends_thinking(string prompt, string thinking, int budget)
    {
        // One token a letter; the tag takes as many as it has characters.
        int before = thinking.StartsWith('<') ? "<think>".Length : 0;
        string said = thinking[..(before + budget)] + new string('-', "</think>".Length) + "Yes";
        IReadOnlyList<GenerationEvent> events = await Run(said, Request(null) with { Thinking = new ThinkingOptions { Apart = true, Budget = budget } }, Hermes + prompt);
        Assert.Equal(budget, string.Concat(events.OfType<ThinkingDelta>().Select(delta => delta.Text)).Length);
        Assert.Equal("Yes", string.Concat(events.OfType<TextDelta>().Select(delta => delta.Text)));
    }

    [Fact]
    public void What_does_not_fit_together_is_refused_by_name()
    {
        JsonArray broken = JsonNode.Parse("""[{"type": "function", "function": {"name": "get", "strict": true, "parameters": {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true}}}}}]""")!.AsArray();
        Assert.Equal("tool_choice", Refusal(Request(null) with { ToolChoice = ToolChoice.Required }));
        Assert.Equal("tool_choice", Refusal(Request(Tools) with { ToolChoice = ToolChoice.Named("nobody") }));
        Assert.Equal("response_format", Refusal(Request(Tools) with { Constraint = OutputConstraint.Json() }));
        Assert.Equal("tools", Refusal(Request(Tools), "{{ messages[0].content }}"));
        Assert.Equal("tools[0].function.parameters.properties.a.uniqueItems", Refusal(Request(broken)));
        Assert.Equal("tools[0].function.name", Refusal(Request([new JsonObject { ["type"] = "function" }])));
        Assert.Equal("messages[0].tool_calls[0].function.arguments", Refusal(Request(null) with { Prompt = new GenerationPrompt.Chat(JsonNode.Parse("""[{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "x", "arguments": "[1]"}}]}]""")!.AsArray()) }));
    }

    [Fact]
    public async Task A_schema_that_cannot_be_kept_is_a_hint_where_nobody_insists()
    {
        JsonArray loose = JsonNode.Parse("""[{"type": "function", "function": {"name": "get", "parameters": {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true}}}}}]""")!.AsArray();
        IReadOnlyList<GenerationEvent> events = await Run("<tool_call>\n{\"name\": \"get\", \"arguments\": {\"a\": [1]}}\n</tool_call>", Request(loose));
        Assert.Equal("{\"a\": [1]}", string.Concat(events.OfType<ToolCallDelta>().Select(delta => delta.Arguments)));
        using InferenceEngine engine = Engine("x");
        Assert.Throws<RequestRefusedException>(() => new TextGenerator(engine, Tokens, ChatTemplate.Parse(Hermes)).Start(Request(loose) with { ToolChoice = ToolChoice.Required }, Cancellation));
    }

    [Fact]
    public void Arguments_of_earlier_calls_are_objects_for_the_template_however_they_came()
    {
        using InferenceEngine engine = Engine("x");
        TextGenerator generator = new(engine, Tokens, ChatTemplate.Parse(Hermes));
        foreach (string arguments in (string[])["\"{\\\"a\\\": 1}\"", "{\"a\": 1}"])
        {
            JsonArray messages = JsonNode.Parse("""[{"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "x", "arguments": ARGUMENTS}}]}]""".Replace("ARGUMENTS", arguments, StringComparison.Ordinal))!.AsArray();
            Assert.Equal("assistant:<tool_call>{\"a\": 1}</tool_call>;", generator.Render(new GenerationPrompt.Chat(messages), Cancellation));
        }
    }

    [Fact]
    public void Control_tokens_that_somebody_typed_are_text_and_the_templates_own_are_not()
    {
        using InferenceEngine engine = Engine("x");
        TextGenerator generator = new(engine, Tokens, ChatTemplate.Parse("{% for m in messages %}{{ m.content | trim }}<|end|>{% endfor %}"));
        string[] typed = ["<|end|>", " a<|end|>b<|end|><|end|> ", "<<|end|>", "<|en", "\uFDD0<|end|>", "<tool><|end|>"];
        foreach (string text in typed)
        {
            int[] ids = [.. generator.Encode(new GenerationPrompt.Chat([new JsonObject { ["role"] = "user", ["content"] = text }]), Cancellation)];
            Assert.Equal(End, ids[^1]);
            Assert.Equal(1, ids.Count(id => id == End));
            Assert.Equal(Tokens.Encode(text.Trim(), parseSpecials: false), ids[..^1]);
        }
    }

    static GenerationRequest Request(JsonArray? tools) => new()
    {
        Prompt = new GenerationPrompt.Chat([new JsonObject { ["role"] = "user", ["content"] = "hello" }]) { Tools = tools },
        Sampling = SamplingOptions.Greedy,
        MaxTokens = 300,
    };

    static string? Refusal(GenerationRequest request, string template = Hermes)
    {
        using InferenceEngine engine = Engine("x");
        return Assert.Throws<RequestRefusedException>(() => new TextGenerator(engine, Tokens, ChatTemplate.Parse(template)).Start(request, Cancellation)).Parameter;
    }

    static InferenceEngine Engine(string answer) =>
        new(new ScriptedRunner(Tokens.VocabularySize, [.. Bytes(answer), End]), new EngineOptions { CheckInvariants = true }, ownThread: true);

    /// <summary>One token for every byte, so that places in the script are places in the text.</summary>
    static int[] Bytes(string text) => [.. text.SelectMany(character => Tokens.Encode(character.ToString()))];

    static async Task<IReadOnlyList<GenerationEvent>> Run(string answer, GenerationRequest request, string template = Hermes)
    {
        using InferenceEngine engine = Engine(answer);
        List<GenerationEvent> events = [];
        await foreach (GenerationEvent next in new TextGenerator(engine, Tokens, ChatTemplate.Parse(template)).Start(request, Cancellation).ReadAllAsync(Cancellation))
        {
            events.Add(next);
        }

        return events;
    }
}
