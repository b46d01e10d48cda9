using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Generation;

public class TextGeneratorTests
{
    static readonly Tokenizer Tokens = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());
    static readonly int End = Tokens.EosId!.Value;
    static readonly GenerationRequest Request = new() { Prompt = new GenerationPrompt.Text("hello"), Sampling = SamplingOptions.Greedy };

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Text_comes_in_whole_characters_and_ends_at_the_end_of_turn()
    {
        using InferenceEngine engine = Engine("你好, 😀 hello");
        List<string> pieces = [];
        ChoiceFinished? end = null;
        await foreach (GenerationEvent happened in Generator(engine).Start(Request, Cancellation).ReadAllAsync(Cancellation))
        {
            Assert.Null(end);
            end = happened as ChoiceFinished;
            if (happened is TextDelta delta)
            {
                Assert.DoesNotContain('\uFFFD', delta.Text);
                Assert.False(char.IsLowSurrogate(delta.Text[0]) || char.IsHighSurrogate(delta.Text[^1]));
                Assert.Empty(delta.Tokens);
                pieces.Add(delta.Text);
            }
        }

        Assert.Equal("你好, 😀 hello", string.Concat(pieces));
        int tokens = Tokens.Encode("你好, 😀 hello").Length + 1;
        Assert.Equal((FinishReason.Stop, End, new TokenUsage(1, tokens)), (end!.Reason, end.StopToken!.Value, end.Usage));
        Assert.Equal(tokens - 1, end.Timings.DecodedTokens);
    }

    [Fact]
    public async Task A_character_that_is_never_completed_becomes_the_replacement_character()
    {
        int[] tokens = Tokens.Encode("a😀");
        using InferenceEngine engine = Engine([.. tokens[..^1], End]);
        Assert.Equal("a\uFFFD", (await Complete(engine, Request)).Text);
    }

    [Fact]
    public async Task A_stop_string_across_tokens_ends_the_text_before_it()
    {
        using InferenceEngine engine = Engine("so </answer> and more");
        GeneratedText text = await Complete(engine, Request with { Stop = ["</answer>", "</answers>"] });
        Assert.Equal(("so ", "</answer>", FinishReason.Stop), (text.Text, text.Finish.StopString, text.Finish.Reason));
        Assert.Equal(Tokens.Encode("so </answer>").Length, text.Finish.Usage.CompletionTokens);
        Assert.Null(text.Finish.StopToken);
    }

    [Fact]
    public async Task What_only_began_a_stop_string_is_text_after_all()
    {
        using InferenceEngine engine = Engine("so </ans");
        GeneratedText text = await Complete(engine, Request with { Stop = ["</answer>"] });
        Assert.Equal(("so </ans", FinishReason.Stop, (int?)End), (text.Text, text.Finish.Reason, text.Finish.StopToken));
    }

    [Fact]
    public async Task A_constraint_leads_an_answer_that_would_go_elsewhere()
    {
        using InferenceEngine engine = Engine("hello hello hello");
        GeneratedText text = await Complete(engine, Request with { Constraint = OutputConstraint.Regex("xy{2} hello(!|\\?)") });
        Assert.Equal("xyy hello!", text.Text);
        Assert.Equal((FinishReason.Stop, (int?)End), (text.Finish.Reason, text.Finish.StopToken));
    }

    [Fact]
    public async Task A_constraint_waits_until_a_model_that_was_left_thinking_has_thought()
    {
        using InferenceEngine engine = Engine("hm, no</think>hello no");
        TextGenerator generator = new(engine, Tokens, ChatTemplate.Parse("{{ messages[0].content }};<think>\n"));
        GenerationRequest request = Request with { Prompt = new GenerationPrompt.Chat([new JsonObject { ["role"] = "user", ["content"] = "hello" }]), Constraint = OutputConstraint.Choice(["yes"]) };
        Assert.Equal("hm, no</think>yes", (await generator.Start(request, Cancellation).CompleteAsync(Cancellation))[0].Text);
        Assert.Equal("yes", (await generator.Start(request with { ConstraintAfter = "" }, Cancellation).CompleteAsync(Cancellation))[0].Text);
    }

    [Fact]
    public void A_constraint_that_cannot_be_kept_refuses_the_request()
    {
        using InferenceEngine engine = Engine("hello");
        GenerationRequest request = Request with { Constraint = OutputConstraint.JsonSchema("""{"properties": {"a": {"type": "integr"}}}""") };
        RequestRefusedException refused = Assert.Throws<RequestRefusedException>(() => Generator(engine).Start(request, Cancellation));
        Assert.Equal((RefusalReason.InvalidParameter, "response_format"), (refused.Reason, refused.Parameter));
        Assert.Contains("/properties/a/type", refused.Message);
        Assert.Throws<RequestRefusedException>(() => Generator(engine).Start(Request with { Constraint = OutputConstraint.Json(), IgnoreEndOfTurn = true }, Cancellation));
    }

    [Fact]
    public async Task Tokens_run_out_at_the_limit()
    {
        using InferenceEngine engine = Engine("hello hello hello");
        GeneratedText text = await Complete(engine, Request with { MaxTokens = 2 });
        Assert.Equal(("hello hello", FinishReason.Length, 2), (text.Text, text.Finish.Reason, text.Finish.Usage.CompletionTokens));
    }

    [Fact]
    public async Task The_end_of_turn_can_be_ignored_and_shown()
    {
        using InferenceEngine engine = Engine([.. Tokens.Encode("hello"), End, .. Tokens.Encode("hello")]);
        GenerationRequest ignoring = Request with { IgnoreEndOfTurn = true, MaxTokens = 3 };
        Assert.Equal("hellohello", (await Complete(engine, ignoring)).Text);
        Assert.Equal("hello<|end|>hello", (await Complete(engine, ignoring with { ShowSpecialTokens = true })).Text);
    }

    [Fact]
    public async Task Stop_tokens_of_the_request_count_beside_the_models_own()
    {
        int hello = Tokens.Encode(" hello").Single();
        using InferenceEngine engine = Engine("so hello there");
        GeneratedText text = await Complete(engine, Request with { StopTokens = [hello] });
        Assert.Equal(("so", (int?)hello), (text.Text, text.Finish.StopToken));
    }

    [Fact]
    public async Task Log_probabilities_come_with_the_text_and_the_bytes_of_tokens()
    {
        using InferenceEngine engine = Engine("好");
        GeneratedText text = await Complete(engine, Request with { Sampling = SamplingOptions.Greedy with { Logprobs = 2 } });
        Assert.Equal("好", text.Text);
        Assert.Equal(Encoding.UTF8.GetBytes("好").Concat(Encoding.UTF8.GetBytes("<|end|>")), text.Tokens.SelectMany(token => token.Token.Bytes));
        Assert.Equal("\uFFFD", text.Tokens[0].Token.Text);
        Assert.All(text.Tokens, token =>
        {
            Assert.Equal(token.Token.Id, token.Top[0].Id);
            Assert.Equal(2, token.Top.Length);
            Assert.InRange(token.Token.Logprob, -1e-6f, 0);
        });
    }

    [Fact]
    public async Task Choices_are_samples_of_one_prompt_and_each_ends_once()
    {
        // They part behind their first token, whose logits they share.
        using InferenceEngine engine = Engine(
            [.. Tokens.Encode("hello"), End],
            [.. Tokens.Encode("hello"), .. Tokens.Encode("so long"), End],
            [.. Tokens.Encode("hello"), .. Tokens.Encode("你"), End]);
        IReadOnlyList<GeneratedText> texts = await Generator(engine).Start(Request with { Choices = 3 }, Cancellation).CompleteAsync(Cancellation);
        Assert.Equal(["hello", "helloso long", "hello你"], texts.Select(text => text.Text));
        Assert.Equal([0, 1, 2], texts.Select(text => text.Finish.Choice));
        Assert.All(texts, text => Assert.Equal(1, text.Finish.Usage.PromptTokens));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Leaving_early_cancels(int choices)
    {
        using InferenceEngine engine = Engine([.. Tokens.Encode("hello")]);
        await using (TextGeneration generation = Generator(engine).Start(Request with { Choices = choices }, Cancellation))
        {
            await foreach (GenerationEvent _ in generation.ReadAllAsync(Cancellation))
            {
                break;
            }
        }

        await engine.DrainAsync().WaitAsync(Cancellation);
        Assert.Equal(choices, engine.Statistics.Cancelled + engine.Statistics.Finished);
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_callers_cancellation_ends_the_reading_and_the_sequences(int choices)
    {
        using CancellationTokenSource source = new();
        using InferenceEngine engine = Engine([.. Tokens.Encode("hello")]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationEvent _ in Generator(engine).Start(Request with { Choices = choices }, Cancellation).ReadAllAsync(source.Token))
            {
                await source.CancelAsync();
            }
        });
        await engine.DrainAsync().WaitAsync(Cancellation);
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
    }

    [Fact]
    public async Task A_cancelled_generation_ends_with_an_event()
    {
        using InferenceEngine engine = Engine([.. Tokens.Encode("hello")]);
        TextGeneration generation = Generator(engine).Start(Request with { Choices = 2 }, Cancellation);
        generation.Cancel();
        IReadOnlyList<GeneratedText> texts = await generation.CompleteAsync(Cancellation);
        Assert.All(texts, text => Assert.Contains(text.Finish.Reason, new[] { FinishReason.Cancelled, FinishReason.Length }));
        Assert.Throws<InvalidOperationException>(() => generation.ReadAllAsync(Cancellation));
    }

    [Fact]
    public async Task A_failure_is_an_event_with_its_error()
    {
        using InferenceEngine engine = new(new ScriptedRunner(Tokens.VocabularySize, [0]) { Fails = true }, new EngineOptions(), ownThread: true);
        GeneratedText text = await Complete(engine, Request);
        Assert.Equal(FinishReason.Failed, text.Finish.Reason);
        Assert.Contains("The kernel failed.", text.Finish.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_conversation_is_rendered_by_the_template_with_tools_and_variables()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}{{ tools | length }}{{ mood }}{% if add_generation_prompt %}>{% endif %}");
        using InferenceEngine engine = Engine("hello");
        TextGenerator generator = new(engine, Tokens, template);
        GenerationPrompt.Chat chat = new(Messages) { Tools = [new JsonObject()], Variables = new JsonObject { ["mood"] = "glad" } };
        Assert.Equal("user:你好;1glad>", generator.Render(chat, Cancellation));
        Assert.Equal(Tokens.Encode("user:你好;1glad>"), generator.Encode(chat, Cancellation));
        Assert.Equal("user:你好;1glad", generator.Render(chat with { AddGenerationPrompt = false }, Cancellation));
        TextGeneration generation = generator.Start(Request with { Prompt = new GenerationPrompt.Tokens(generator.Encode(chat, Cancellation)) }, Cancellation);
        Assert.Equal(Tokens.Encode("user:你好;1glad>").Length, generation.PromptTokens);
        Assert.Equal("hello", (await generation.CompleteAsync(Cancellation))[0].Text);
    }

    [Theory]
    [InlineData(null, "no chat template")]
    [InlineData("{{ raise_exception('Roles must alternate') }}", "Roles must alternate")]
    [InlineData("{{ 1 + 'a' }}", "chat template refused")]
    public void A_conversation_that_cannot_be_rendered_is_refused(string? source, string expected)
    {
        using InferenceEngine engine = Engine("hello");
        TextGenerator generator = new(engine, Tokens, source is null ? null : ChatTemplate.Parse(source));
        RequestRefusedException refusal = Assert.Throws<RequestRefusedException>(
            () => generator.Start(Request with { Prompt = new GenerationPrompt.Chat(Messages) }, Cancellation));
        Assert.Equal((RefusalReason.TemplateRefused, "messages"), (refusal.Reason, refusal.Parameter));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_request_asks_beyond_bounds_is_refused_by_name()
    {
        using InferenceEngine engine = Engine("hello");
        Assert.Equal(("n", 0.0), Fault(Request with { Choices = 0 }));
        Assert.Equal(("n", 16_384.0), Fault(Request with { Choices = 16_384 }));
        Assert.Equal(("stop", 17.0), Fault(Request with { Stop = [.. Enumerable.Repeat("a", 17)] }));
        Assert.Equal(("stop", 0.0), Fault(Request with { Stop = [""] }));
        Assert.Equal(("stop", 5000.0), Fault(Request with { Stop = [new string('a', 5000)] }));
        Assert.Equal(("stop", 2.0), Fault(Request with { Stop = ["a\uD83D"] }));
        Assert.Equal(("stop", 2.0), Fault(Request with { Stop = ["\uDE00a"] }));
        Assert.Equal(("prompt", 0.0), Fault(Request with { Prompt = new GenerationPrompt.Text("") }));
        Assert.Equal(("top_p", 0.0), Fault(Request with { Sampling = new SamplingOptions { TopP = 0 } }));
        Assert.Equal(0, engine.Statistics.WaitingSequences);

        (string?, double?) Fault(GenerationRequest request)
        {
            RequestRefusedException refusal = Assert.Throws<RequestRefusedException>(() => Generator(engine).Start(request, Cancellation));
            return (refusal.Parameter, refusal.Value);
        }
    }

    [Fact]
    public async Task Choices_that_do_not_all_fit_the_queue_are_all_refused()
    {
        using InferenceEngine engine = new(new FakeRunner(64, vocab: Tokens.VocabularySize), new EngineOptions { MaxSequences = 2, QueueLimit = 1 }, ownThread: false);
        engine.Submit(new SequenceRequest { Prompt = [1], MaxTokens = 3 });
        RequestRefusedException refusal = Assert.Throws<RequestRefusedException>(() => Generator(engine).Start(Request with { Choices = 3, MaxTokens = 3 }, Cancellation));
        Assert.Equal(RefusalReason.QueueFull, refusal.Reason);
        while (engine.Turn())
        {
        }

        await engine.DrainAsync().WaitAsync(Cancellation);
        Assert.Equal((1, 0), (engine.Statistics.Finished, engine.Statistics.Cancelled));
    }

    static JsonArray Messages => [new JsonObject { ["role"] = "user", ["content"] = "你好" }];

    static TextGenerator Generator(InferenceEngine engine) => new(engine, Tokens, template: null);

    static InferenceEngine Engine(string answer) => Engine([.. Tokens.Encode(answer), End]);

    static InferenceEngine Engine(params int[][] scripts) =>
        new(new ScriptedRunner(Tokens.VocabularySize, scripts), new EngineOptions { CheckInvariants = true }, ownThread: true);

    static async Task<GeneratedText> Complete(InferenceEngine engine, GenerationRequest request) =>
        (await Generator(engine).Start(request, Cancellation).CompleteAsync(Cancellation)).Single();
}
