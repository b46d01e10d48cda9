using System.Collections.Immutable;
using System.Threading.Channels;
using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Speculation;

namespace OpenAutoGlm.Engine;

/// <summary>
/// A request that an <see cref="InferenceEngine"/> accepted: its tokens as they come, and how it ends. It ends in
/// exactly one of finished (<see cref="FinishReason.Stop"/>, <see cref="FinishReason.Length"/>), failed and cancelled.
/// </summary>
public sealed class Sequence
{
    readonly Channel<TokenEvent> _events;
    readonly TaskCompletionSource<SequenceOutcome> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Action<Sequence> _cancel;
    int _cancelAsked;

    internal Sequence(long id, SequenceRequest request, int maxTokens, ulong seed, int eventBuffer, Action<Sequence> cancel)
    {
        Id = id;
        Request = request;
        MaxTokens = maxTokens;
        Seed = seed;
        Tokens = [.. request.Prompt];
        History = request.Sampling.HasPenalties ? new TokenHistory(request.Prompt.AsSpan()) : null;
        QueueNode = new LinkedListNode<Sequence>(this);
        _cancel = cancel;
        _events = Channel.CreateBounded<TokenEvent>(new BoundedChannelOptions(eventBuffer) { SingleReader = true, SingleWriter = true });
    }

    /// <summary>A number that no other sequence of the engine has; later sequences have larger ones.</summary>
    public long Id { get; }

    /// <summary>What was asked for.</summary>
    public SequenceRequest Request { get; }

    /// <summary>
    /// The generated tokens, for one reader. It completes when the sequence has ended; where that is not a finish,
    /// waiting for a token after the last (WaitToReadAsync, ReadAllAsync) throws <see cref="SequenceFailedException"/> for
    /// a failure and <see cref="SequenceCancelledException"/> for a cancellation. The buffer is bounded
    /// (<see cref="EngineOptions.EventBuffer"/>): a reader that stays away loses the sequence.
    /// </summary>
    public ChannelReader<TokenEvent> Events => _events.Reader;

    /// <summary>How the sequence ended. Never faults and is never cancelled itself.</summary>
    public Task<SequenceOutcome> Completion => _completion.Task;

    // What follows belongs to the engine's thread.

    /// <summary>Most tokens to generate; 0 for a sequence of which only the prompt's logits are wanted.</summary>
    internal int MaxTokens { get; }

    internal ulong Seed { get; }

    /// <summary>Prompt and answer.</summary>
    internal List<int> Tokens { get; }

    /// <summary>How many of <see cref="Tokens"/> have their keys and values in <see cref="Blocks"/>.</summary>
    internal int Computed { get; set; }

    /// <summary>Tokens of the prompt that were found in memory when it first ran; null until then.</summary>
    internal int? Cached { get; set; }

    /// <summary>Tokens that somebody guesses will follow <see cref="Tokens"/>, to be run and checked with the next step.</summary>
    internal List<int> Drafts { get; } = [];

    /// <summary>How guessing goes for this sequence; null where nobody guesses.</summary>
    internal Guessing? Guessing { get; set; }

    /// <summary>The samples of one prompt that were submitted together, itself among them; null where it came alone.</summary>
    internal ImmutableArray<Sequence>? Siblings { get; set; }

    /// <summary>Tokens that are to run before the next can be chosen: 1 while decoding.</summary>
    internal int Pending => Tokens.Count - Computed;

    internal int GeneratedCount => Tokens.Count - Request.Prompt.Length;

    internal BlockTable Blocks { get; } = new();

    internal LinkedListNode<Sequence> QueueNode { get; }

    /// <summary>What penalties need; null without penalties.</summary>
    internal TokenHistory? History { get; }

    /// <summary>Where the logits after every token of the prompt go; null where nobody wants them.</summary>
    internal float[][]? PromptLogits { get; init; }

    internal bool WantsAllLogits => PromptLogits is not null;

    /// <summary>What becomes of its hidden states; null where nobody wants them.</summary>
    internal EmbeddingPool? Embedding { get; init; }

    /// <summary>Whether it ends when its prompt is computed, without a token of its own.</summary>
    internal bool IsReadOnly => WantsAllLogits || Embedding is not null;

    /// <summary>Whether something is wanted of every token of its prompt, so that none may come from the cache.</summary>
    internal bool WantsEveryToken => WantsAllLogits || Embedding?.NeedsEveryToken == true;

    /// <summary>The beam search that this is a branch of; null for none.</summary>
    internal BeamSearch? Beam { get; set; }

    /// <summary>The token at a position, of which the last may be guesses.</summary>
    internal int TokenAt(int position) => position < Tokens.Count ? Tokens[position] : Drafts[position - Tokens.Count];

    internal SequenceClock Clock { get; init; } = new(TimeProvider.System);

    internal bool HasEnded => _completion.Task.IsCompleted;

    /// <summary>Asks for the end of the sequence. Any number of calls, at any time, from any thread.</summary>
    public void Cancel()
    {
        if (Interlocked.Exchange(ref _cancelAsked, 1) == 0 && !HasEnded)
        {
            _cancel(this);
        }
    }

    /// <summary>Appends a chosen token and tells the reader; false where the reader's buffer is full.</summary>
    internal bool TryEmit(int token, TokenLogprobs? logprobs)
    {
        Tokens.Add(token);
        History?.Add(token);
        Clock.Generated();
        return _events.Writer.TryWrite(new TokenEvent(GeneratedCount - 1, token, logprobs));
    }

    /// <summary>Ends the sequence, once.</summary>
    internal void End(FinishReason reason, CancellationReason cancellation = CancellationReason.None, Exception? error = null, int? stopToken = null)
    {
        TokenUsage usage = new(Request.Prompt.Length, GeneratedCount, Cached ?? 0);
        SequenceOutcome outcome = new(reason, usage, Clock.Timings(GeneratedCount))
        {
            Cancellation = cancellation,
            Error = error,
            StopToken = stopToken,
        };
        _completion.SetResult(outcome);
        _events.Writer.Complete(reason switch
        {
            FinishReason.Failed => error,
            FinishReason.Cancelled => new SequenceCancelledException(cancellation, Because(cancellation)),
            _ => null,
        });
    }

    string Because(CancellationReason reason) => reason switch
    {
        CancellationReason.SlowReader => $"Nobody read the tokens of sequence {Id}, and its buffer is full.",
        CancellationReason.Deadline => $"Sequence {Id} was not done within {Request.Timeout}.",
        CancellationReason.EngineStopped => $"The engine stopped while sequence {Id} ran.",
        _ => $"Sequence {Id} was cancelled.",
    };
}
