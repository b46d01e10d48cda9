using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Server;

/// <summary>A model that says what the test wrote down, choice after choice, and remembers what it was asked.</summary>
sealed class ScriptedSource : ITextSource
{
    int _alive;

    /// <summary>What every choice says, piece by piece.</summary>
    public string[] Pieces { get; set; } = ["Hel", "lo"];

    public FinishReason Reason { get; set; } = FinishReason.Stop;

    public CancellationReason Cancellation { get; set; }

    public int PromptTokens { get; set; } = 7;

    /// <summary>What every choice says instead of <see cref="Pieces"/>, event by event; the choice of each is replaced.</summary>
    public GenerationEvent[]? Events { get; set; }

    /// <summary>What ended every choice.</summary>
    public string? StopString { get; set; }

    /// <summary>The last prompt that was encoded only.</summary>
    public GenerationPrompt? Encoded { get; private set; }

    /// <summary>Refuses every request.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>Thrown after the pieces instead of a finish.</summary>
    public Exception? Fault { get; set; }

    /// <summary>Waited for before the last event; set it to hold an answer open.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public ConcurrentQueue<GenerationRequest> Requests { get; } = [];

    /// <summary>Runs that were started and not disposed yet.</summary>
    public int Alive => Volatile.Read(ref _alive);

    public GenerationRequest Last => Requests.Last();

    public ITextRun Start(GenerationRequest request, CancellationToken cancellation)
    {
        if (Refusal is not null)
        {
            throw Refusal;
        }

        request.Sampling.Validate();
        Requests.Enqueue(request);
        Interlocked.Increment(ref _alive);
        return new Run(this, request);
    }

    /// <summary>Whether it counts tokens too.</summary>
    public bool Counts { get; set; }

    public ITextTools? Tools => Counts ? new ScriptedTools(this) : null;

    /// <summary>Counts tokens, and does nothing else.</summary>
    sealed class ScriptedTools(ScriptedSource source) : ITextTools
    {
        public Tokenizer Tokenizer => throw new NotSupportedException();

        public ImmutableArray<int> Encode(GenerationPrompt prompt, CancellationToken cancellation)
        {
            if (source.Refusal is not null)
            {
                throw source.Refusal;
            }

            source.Encoded = prompt;
            return [.. Enumerable.Range(0, source.PromptTokens)];
        }

        public string Render(GenerationPrompt.Chat chat, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<ImmutableArray<Embedding>> EmbedAsync(EmbeddingRequest request, CancellationToken cancellation) => throw new NotSupportedException();
    }

    sealed class Run(ScriptedSource source, GenerationRequest request) : ITextRun
    {
        public int PromptTokens => source.PromptTokens;

        public async IAsyncEnumerable<GenerationEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
        {
            foreach (GenerationEvent scripted in source.Events ?? [])
            {
                for (int choice = 0; choice < request.Choices; choice++)
                {
                    yield return scripted with { Choice = choice };
                }
            }

            foreach (string piece in source.Events is null ? source.Pieces : [])
            {
                for (int choice = 0; choice < request.Choices; choice++)
                {
                    yield return new TextDelta(choice, piece) { Tokens = request.Sampling.Logprobs is { } top ? [Token(piece, top)] : [] };
                }
            }

            await source.Gate.WaitAsync(cancellation);
            if (source.Fault is not null)
            {
                throw source.Fault;
            }

            for (int choice = 0; choice < request.Choices; choice++)
            {
                TokenUsage usage = new(source.PromptTokens, source.Events?.Length ?? source.Pieces.Length, 3);
                yield return new ChoiceFinished(choice, source.Reason, usage, new SequenceTimings(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(3), 1))
                {
                    StopString = source.StopString,
                    ToolCalls = source.Events?.OfType<ToolCallDelta>().Select(call => call.Call).Distinct().Count() ?? 0,
                    Cancellation = source.Cancellation,
                    Error = source.Reason == FinishReason.Failed ? new InvalidOperationException("secret detail") : null,
                };
            }
        }

        public ValueTask DisposeAsync()
        {
            Interlocked.Decrement(ref source._alive);
            return ValueTask.CompletedTask;
        }

        static GeneratedToken Token(string text, int top) =>
            new(Text(1, text, -0.25f), [.. Enumerable.Range(0, top).Select(rival => Text(rival + 1, rival == 0 ? text : $"r{rival}", rival == 1 ? float.NegativeInfinity : -0.25f - rival))]);

        static TokenText Text(int id, string text, float logprob) => new(id, text, [.. Encoding.UTF8.GetBytes(text)], logprob);
    }
}
