using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Dashboard;

/// <summary>
/// Runs every request through a real engine, token by token, and says a prepared text instead of what the small model
/// would: queue, memory, times and figures are the engine's own.
/// </summary>
sealed class Storyteller(TextGenerator generator) : ITextSource
{
    readonly EngineTextSource _engine = new(generator);
    int _asked;

    public InferenceEngine? Engine => generator.Engine;

    public ITextTools? Tools => null;

    public ITextRun Start(GenerationRequest request, CancellationToken cancellation)
    {
        string question = request.Prompt is GenerationPrompt.Chat chat ? (string?)chat.Messages[^1]?["content"] ?? "" : "";
        Story story = Story.For(question);
        int most = Math.Min(request.MaxTokens ?? int.MaxValue, story.Pieces.Length);

        // Prompts of some length that begin alike, so that there is something to find again.
        int length = 48 + (Interlocked.Increment(ref _asked) % 5 * 24);
        GenerationRequest real = request with
        {
            Prompt = new GenerationPrompt.Tokens([.. Enumerable.Range(0, length).Select(i => 3 + (i * 7 % 400))]),
            MaxTokens = most,
            IgnoreEndOfTurn = true,
            Thinking = null,
            Stop = [],
            Constraint = null,
        };
        return new Run(_engine.Start(real, cancellation), story, most);
    }

    sealed class Run(ITextRun inner, Story story, int most) : ITextRun
    {
        public int PromptTokens => inner.PromptTokens;

        public int GeneratedTokens => inner.GeneratedTokens;

        public async IAsyncEnumerable<GenerationEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
        {
            int told = 0;
            await foreach (GenerationEvent next in inner.ReadAllAsync(cancellation))
            {
                int written = next is ChoiceFinished { Reason: FinishReason.Length } ? most : Math.Min(inner.GeneratedTokens, most);
                for (; told < written; told++)
                {
                    yield return story.Event(told);
                }

                if (next is ChoiceFinished finished)
                {
                    yield return finished with
                    {
                        Reason = finished.Reason == FinishReason.Length && most == story.Pieces.Length ? FinishReason.Stop : finished.Reason,
                        ToolCalls = story.Calls,
                    };
                }
            }
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}

/// <summary>A prepared answer in pieces about as large as tokens.</summary>
sealed record Story(ImmutableArray<string> Pieces, int Thoughts = 0, string? Tool = null)
{
    const string Explanation = """
        A language model writes **one token at a time**, and every new token looks back at all earlier ones. Without help it would compute the same keys and values again for each of them.

        The *key-value cache* keeps them instead:

        1. **Reading.** The prompt runs through the model once, and each layer stores its keys and values.
        2. **Writing.** A new token computes only its own row, and attends to the stored ones.

        ```csharp
        while (!sequence.HasEnded)
        {
            float[] logits = model.Step(sequence.LastToken, cache);
            sequence.Append(sampler.Choose(logits));
        }
        ```

        | | without | with |
        |---|---:|---:|
        | work for token *n* | n rows | 1 row |
        | memory | none | 2 rows a layer |

        So each step costs about as much as reading the weights once, which is why memory bandwidth sets the pace.
        """;

    const string Thinking = "The question is about speed, so I should start with what is computed twice. Then the cache, in two steps, with a little code. A small table makes the trade-off plain.";

    /// <summary>Whether its thinking comes apart from its text, or between tags in it.</summary>
    public bool InText { get; init; }

    public int Calls => Tool is null ? 0 : 1;

    /// <summary>The answer to a question.</summary>
    public static Story For(string question) => question switch
    {
        _ when question.Contains("tagged", StringComparison.Ordinal) => Of("<think>\nFirst I weigh it.\n</think>\n\nThe **answer** stands after the thought.") with { InText = true },
        _ when question.Contains("markup", StringComparison.Ordinal) => Of(
            "Look: <img src=x onerror=\"document.title='owned'\"> and <script>document.title='owned'</script> and [a link](javascript:document.title='owned'), [another](https://example.org/a_(b)?c=d&e) and **bold `code`**.\n\n- one\n  - two\n\n> quoted\n\n```html\n<b onclick=alert(1)>\n```"),
        _ when question.Contains("weather", StringComparison.Ordinal) => Of("{\"city\": \"Oslo\", \"unit\": \"celsius\"}") with { Tool = "get_weather" },
        _ when question.Contains("long", StringComparison.Ordinal) => Of(string.Concat(Enumerable.Range(1, 180).Select(i => $"word{i} "))),
        _ when question.Contains("haiku", StringComparison.Ordinal) => Of("Fans fall into sleep.  \nOne light keeps time in the dark,  \ncounting what was said."),
        _ when question.Contains("token", StringComparison.Ordinal) || question.Contains("cache", StringComparison.Ordinal) => With(Thinking, Explanation),
        _ => Of("Hello! This is a small answer about **nothing in particular**, from a model that was told what to say."),
    };

    public GenerationEvent Event(int index) => Tool is not null ? new ToolCallDelta(0, 0, Pieces[index]) { Id = index == 0 ? "call_1" : null, Name = index == 0 ? Tool : null }
        : index < Thoughts ? new ThinkingDelta(0, Pieces[index])
        : new TextDelta(0, Pieces[index]);

    static Story Of(string text) => new(Split(text));

    static Story With(string thinking, string text)
    {
        ImmutableArray<string> thoughts = Split(thinking);
        return new Story([.. thoughts, .. Split(text)], thoughts.Length);
    }

    static ImmutableArray<string> Split(string text) => [.. text.Chunk(5).Select(piece => new string(piece))];
}
