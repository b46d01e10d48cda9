using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine;

/// <summary>
/// Runs many sequences over one model: a bounded inbox, one thread that takes steps, a channel of tokens for every
/// sequence. It knows token ids only; <see cref="Generation.TextGenerator"/> knows text.
/// </summary>
/// <remarks>
/// A step is: plan (<see cref="Scheduler.Schedule"/>, which also reserves blocks), run, sample, commit. What fails ends
/// the sequences it belongs to and nobody else's, and their blocks go back. Everything that changes a sequence happens
/// on the engine's thread; other threads only put messages into the inbox.
/// </remarks>
public sealed class InferenceEngine : IDisposable
{
    readonly IModelRunner _runner;
    readonly EngineLimits _limits;
    readonly Scheduler _scheduler;
    readonly KvMemory _memory;
    readonly StepBudget _budget;
    readonly Speculator? _speculator;
    readonly Stepper _stepper;
    readonly EngineCounters _counters;
    readonly HashSet<Sequence> _timed = []; // those that have a deadline
    readonly ConcurrentQueue<Message> _inbox = new();
    readonly AutoResetEvent _wake = new(initialState: false);
    readonly Thread? _thread;
    readonly Lock _gate = new(); // over the four fields below
    readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _alive;
    long _lastId;
    bool _accepting = true;
    bool _disposed;
    volatile bool _stopping;
    Exception? _fault;

    /// <summary>
    /// Builds the model's graph, has the backend lower it, reserves key and value memory and starts the thread. Weights
    /// and backend must live longer than the engine; both stay the caller's.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or its memory holds no block.</exception>
    /// <exception cref="NotSupportedException">The architecture or a format is not supported.</exception>
    /// <exception cref="Models.ModelFormatException">A weight is missing or has the wrong shape.</exception>
    public InferenceEngine(ModelConfig config, IWeights weights, IBackend backend, EngineOptions? options = null, DraftSource? draft = null)
        : this(ModelRunner.Create(config, weights, backend, options ?? new EngineOptions()), options ?? new EngineOptions(), ownThread: true, draft: Runner(draft, options ?? new EngineOptions()))
    {
    }

    /// <summary>An engine over any runner. Without a thread of its own, whoever made it calls <see cref="Turn"/>.</summary>
    internal InferenceEngine(IModelRunner runner, EngineOptions options, bool ownThread, IModelRunner? draft = null)
    {
        Options = options;
        _runner = runner;
        _limits = runner.Limits;
        _memory = new KvMemory(runner.Pool, options.PrefixCache, _limits.Window, options.TimeProvider);
        _budget = new StepBudget(options.Latency, _limits);
        _scheduler = new Scheduler(_memory, _limits, _budget);
        _counters = new EngineCounters(_limits.BlockCount);
        try
        {
            _speculator = Proposer(draft) is { } proposer ? new Speculator(proposer, options.Speculation, _limits, _budget.Times) : null;
        }
        catch
        {
            draft?.Dispose();
            _memory.Dispose();
            runner.Dispose();
            _counters.Dispose();
            throw;
        }

        _stepper = new Stepper(runner, _scheduler, _budget, _speculator, _counters, options, End);
        if (ownThread)
        {
            _thread = new Thread(Loop) { IsBackground = true, Name = "autoglm engine" };
            _thread.Start();
        }
    }

    /// <summary>The options as given.</summary>
    public EngineOptions Options { get; }

    /// <summary>Ids are 0 … this − 1.</summary>
    public int Vocab => _limits.Vocab;

    /// <summary>Width of the model: the dimensions of an embedding; 0 where the model is none.</summary>
    public int Hidden => _limits.Hidden;

    /// <summary>Longest sequence in tokens, prompt and answer together: what was asked for, or what the model allows and the memory holds.</summary>
    public int ContextLength => _limits.ContextLength;

    /// <summary>Bytes of key and value memory.</summary>
    public long KvBytes => _runner.Pool.States.Values.Sum(state => state.Bytes);

    /// <summary>What the engine is doing and has done. From any thread, at any time.</summary>
    public EngineStatistics Statistics => _counters.Snapshot(_memory.Statistics);

    /// <summary>Whether a fault of the engine's own stopped it for good; it takes nothing any more, and only another engine helps.</summary>
    public bool HasFailed => Volatile.Read(ref _fault) is not null;

    internal Scheduler Scheduler => _scheduler;

    /// <summary>The plan that runs, as text.</summary>
    public string PrintPlan() => _runner.PrintPlan();

    /// <summary>Accepts a request or refuses it at once. From any thread.</summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now; nothing of it is kept.</exception>
    public Sequence Submit(SequenceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Accept([request], promptLogits: null)[0];
    }

    /// <summary>
    /// Accepts several samples of one prompt, or none. The prompt is computed once: the samples share its memory and part at
    /// the first token. From any thread.
    /// </summary>
    /// <param name="requests">Requests that differ in <see cref="SequenceRequest.SampleIndex"/>, mask or sampling, not in prompt or tenant.</param>
    /// <exception cref="RequestRefusedException">They can never be served, or not now; nothing of them is kept.</exception>
    /// <exception cref="ArgumentException">There are none, or their prompts or tenants differ.</exception>
    public ImmutableArray<Sequence> SubmitSamples(ImmutableArray<SequenceRequest> requests)
    {
        if (requests.IsDefaultOrEmpty || requests.Any(request => request.Tenant != requests[0].Tenant || !request.Prompt.AsSpan().SequenceEqual(requests[0].Prompt.AsSpan())))
        {
            throw new ArgumentException("Samples are one or more requests with one prompt and one tenant.", nameof(requests));
        }

        return Accept(requests, promptLogits: null);
    }

    /// <summary>Accepts a beam search or refuses it at once. From any thread.</summary>
    /// <exception cref="RequestRefusedException">It can never be served, or not now; nothing of it is kept.</exception>
    public BeamSearch SubmitBeams(SequenceRequest request, BeamOptions options)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(options);
        return Accept([.. Enumerable.Repeat(request, options.Width)], promptLogits: null, options)[0].Beam!;
    }

    /// <summary>
    /// Logits after every token of a sequence: [ids, rows of the model's output]. Runs through the same queue, scheduler and steps as everything else.
    /// </summary>
    /// <exception cref="RequestRefusedException">The ids are none, too many or not of the vocabulary.</exception>
    /// <exception cref="SequenceFailedException">The step failed.</exception>
    /// <exception cref="SequenceCancelledException">The engine was disposed meanwhile.</exception>
    public float[][] ComputeLogits(ImmutableArray<int> ids)
    {
        float[][] logits = new float[ids.IsDefault ? 0 : ids.Length][];
        SequenceOutcome outcome = Accept([new SequenceRequest { Prompt = ids }], logits)[0].Completion.GetAwaiter().GetResult();
        return outcome.Reason switch
        {
            FinishReason.Failed => throw outcome.Error!,
            FinishReason.Cancelled => throw new SequenceCancelledException(outcome.Cancellation, "The engine stopped before all logits were there."),
            _ => logits,
        };
    }

    /// <summary>
    /// Computes the embedding of a prompt: its hidden states after the final norm, pooled, of length 1. Accepts or refuses at
    /// once; runs through the same queue, scheduler and steps as everything else, and beside others gives the same bits as alone.
    /// </summary>
    /// <param name="request">The prompt, and whose it is; what concerns generated tokens has no meaning here.</param>
    /// <param name="pooling">How one vector is made of those of all tokens.</param>
    /// <param name="cancellation">Gives the embedding up.</param>
    /// <exception cref="RequestRefusedException">The prompt has no tokens, too many, or some that are not of the vocabulary, or the queue is full.</exception>
    /// <exception cref="SequenceFailedException">The step failed.</exception>
    /// <exception cref="SequenceCancelledException">Its time was over, or the engine was disposed meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The caller gave it up.</exception>
    public Task<Embedding> EmbedAsync(SequenceRequest request, Pooling pooling, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellation.ThrowIfCancellationRequested();
        EmbeddingPool pool = new(pooling, request.Prompt.IsDefault ? 0 : request.Prompt.Length);
        Sequence sequence = Accept([request], promptLogits: null, embedding: pool)[0];
        return FinishAsync();

        async Task<Embedding> FinishAsync()
        {
            SequenceOutcome outcome;
            using (cancellation.Register(sequence.Cancel))
            {
                outcome = await sequence.Completion.ConfigureAwait(false);
            }

            return outcome switch
            {
                { Reason: FinishReason.Failed } => throw outcome.Error!,
                { Cancellation: CancellationReason.Caller } => throw new OperationCanceledException(cancellation),
                { Reason: FinishReason.Cancelled } => throw new SequenceCancelledException(outcome.Cancellation, $"The embedding was cancelled: {outcome.Cancellation}."),
                _ => new Embedding([.. pool.Finish()], outcome.Usage.PromptTokens),
            };
        }
    }

    /// <summary>Continues a prompt and waits for all of it: the generated tokens, a stop token included.</summary>
    /// <exception cref="RequestRefusedException">The request was refused.</exception>
    /// <exception cref="SequenceFailedException">The step failed.</exception>
    /// <exception cref="SequenceCancelledException">The engine was disposed meanwhile.</exception>
    public ImmutableArray<int> Generate(SequenceRequest request)
    {
        Sequence sequence = Submit(request);
        ImmutableArray<int>.Builder tokens = ImmutableArray.CreateBuilder<int>();
        while (sequence.Events.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (sequence.Events.TryRead(out TokenEvent token))
            {
                tokens.Add(token.Token);
            }
        }

        return tokens.ToImmutable();
    }

    /// <summary>Refuses new requests from now on, and completes when the last accepted one has ended.</summary>
    public Task DrainAsync()
    {
        lock (_gate)
        {
            _accepting = false;
            if (_alive == 0)
            {
                _drained.TrySetResult();
            }
        }

        return _drained.Task;
    }

    /// <summary>Cancels what is alive (<see cref="CancellationReason.EngineStopped"/>), waits for the thread and frees the memory.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _accepting = false;
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        _stopping = true;
        _wake.Set();
        if (_thread is null)
        {
            EndAll(FinishReason.Cancelled, CancellationReason.EngineStopped);
        }
        else
        {
            _thread.Join();
        }

        _counters.Dispose();
        _speculator?.Dispose();
        _memory.Dispose();
        _runner.Dispose();
        _wake.Dispose();
    }

    /// <summary>After a turn without a step: when the next is due even if nobody comes.</summary>
    internal TimeSpan NextTurn { get; private set; } = Timeout.InfiniteTimeSpan;

    /// <summary>Reads the inbox and takes a step; false where there was nothing to do.</summary>
    internal bool Turn()
    {
        ReadInbox();
        EndWhatIsLate();
        NextTurn = Timeout.InfiniteTimeSpan;
        if (!_scheduler.HasWork)
        {
            return false;
        }

        TimeSpan gathering = Gathering();
        if (gathering > TimeSpan.Zero)
        {
            NextTurn = gathering;
            return false;
        }

        _memory.RecomputeSecondsPerToken = _budget.Times.SecondsPerToken;
        _stepper.Step();
        Tell();
        if (Options.CheckInvariants)
        {
            _scheduler.CheckInvariants();
        }

        return true;
    }

    static ModelRunner? Runner(DraftSource? draft, EngineOptions options) => draft is null ? null : ModelRunner.Create(draft.Config, draft.Weights, draft.Backend, options with { ContextLength = null });

    IProposer? Proposer(IModelRunner? draft)
    {
        if (draft is not null && draft.Limits.Vocab != _limits.Vocab)
        {
            throw new ArgumentException($"The model that guesses has {draft.Limits.Vocab} tokens and the model has {_limits.Vocab}: they must have the same vocabulary.", nameof(draft));
        }

        return Options.Speculation.Source switch
        {
            GuessSource.None => null,
            GuessSource.DraftModel => new DraftModel(draft ?? throw new ArgumentException("No model was given that guesses.", nameof(draft)), Options.TimeProvider),
            _ => new PromptLookup(Options.Speculation.RememberedTokens > 0 ? new AnswerMemory(Options.Speculation.RememberedTokens) : null),
        };
    }

    void Loop()
    {
        try
        {
            while (!_stopping)
            {
                if (!Turn())
                {
                    _wake.WaitOne(NextTurn);
                }
            }

            EndAll(FinishReason.Cancelled, CancellationReason.EngineStopped);
        }
        catch (Exception error)
        {
            // A fault of ours, not of a model or a request: nobody is left waiting, and nobody is taken in any more.
            lock (_gate)
            {
                _accepting = false;
                _fault = error;
            }

            EndAll(FinishReason.Failed, CancellationReason.None, error);
        }
    }

    ImmutableArray<Sequence> Accept(ImmutableArray<SequenceRequest> requests, float[][]? promptLogits, BeamOptions? beams = null, EmbeddingPool? embedding = null)
    {
        try
        {
            beams?.Validate(requests[0], Options.MaxSequences);
            int[] maxTokens = [.. requests.Select(request => promptLogits is null && embedding is null ? RequestRules.MaxTokens(request, _limits) : RequestRules.NoTokens(request, _limits))];
            lock (_gate)
            {
                CheckRoom(requests.Length);
                ImmutableArray<Sequence> sequences = [.. requests.Select((request, i) => Made(request, maxTokens[i], promptLogits, embedding))];
                BeamSearch? search = beams is null ? null : new BeamSearch(beams, sequences);
                // The first comes last: when it runs, the branches of its search are there.
                foreach (Sequence sequence in sequences.Reverse())
                {
                    sequence.Beam = search;
                    sequence.Siblings = sequences.Length > 1 && search is null ? sequences : null;
                    _alive++;
                    _inbox.Enqueue(new Message(sequence, Cancel: false));
                }

                _wake.Set();
                return sequences;
            }
        }
        catch (RequestRefusedException)
        {
            _counters.Refused();
            throw;
        }
    }

    Sequence Made(SequenceRequest request, int maxTokens, float[][]? promptLogits, EmbeddingPool? embedding)
    {
        _lastId++;
        return new Sequence(_lastId, request, maxTokens, request.Sampling.Seed ?? NextSeed(_lastId), Options.EventBuffer, AskToCancel)
        {
            PromptLogits = promptLogits,
            Embedding = embedding,
            Clock = new SequenceClock(Options.TimeProvider),
        };
    }

    void CheckRoom(int more)
    {
        if (!_accepting)
        {
            throw new RequestRefusedException(RefusalReason.ShuttingDown, null, "The engine takes no more requests.", inner: _fault);
        }

        int most = Options.MaxSequences + Options.QueueLimit;
        if (_alive + more > most)
        {
            throw new RequestRefusedException(
                RefusalReason.QueueFull, null, $"{_alive} sequences run or wait already, and no more than {most} may.", _alive + more, most);
        }
    }

    ulong NextSeed(long id) => Options.Seed is { } seed
        ? seed + ((ulong)id * 0x9E3779B97F4A7C15)
        : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    void AskToCancel(Sequence sequence)
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _inbox.Enqueue(new Message(sequence, Cancel: true));
                _wake.Set();
            }
        }
    }

    void ReadInbox()
    {
        while (_inbox.TryDequeue(out Message message))
        {
            if (!message.Cancel)
            {
                TakeIn(message.Sequence);
                if (message.Sequence.Request.Timeout is not null)
                {
                    _timed.Add(message.Sequence);
                }
            }
            else if (!message.Sequence.HasEnded)
            {
                End(message.Sequence, new Ending(FinishReason.Cancelled, CancellationReason.Caller));
            }
        }

        Tell();
    }

    void TakeIn(Sequence sequence)
    {
        if (sequence.Beam is { } beam && sequence != beam.Branches[0])
        {
            _scheduler.AddHeld(sequence);
        }
        else
        {
            _scheduler.Add(sequence);
        }
    }

    void EndWhatIsLate()
    {
        foreach (Sequence sequence in _timed.Count == 0 ? [] : _timed.ToArray())
        {
            if (!sequence.HasEnded && sequence.Clock.Age > sequence.Request.Timeout)
            {
                End(sequence, new Ending(FinishReason.Cancelled, CancellationReason.Deadline));
            }
        }
    }

    /// <summary>How much longer the first step of those that wait is put off, so that more may join them.</summary>
    TimeSpan Gathering()
    {
        if (Options.BatchWindow == TimeSpan.Zero || _scheduler.RunningCount > 0 || _scheduler.WaitingCount >= _limits.MaxSequences)
        {
            return TimeSpan.Zero;
        }

        TimeSpan oldest = _scheduler.Sequences.Max(sequence => sequence.Clock.Age);
        return oldest < Options.BatchWindow ? Options.BatchWindow - oldest : TimeSpan.Zero;
    }

    void Tell()
    {
        _counters.Holding(_scheduler.RunningCount, _scheduler.WaitingCount, _memory.UsedCount, _scheduler.Preemptions);
        _counters.Allowed(_budget.Tokens, _budget.PromptTokens);
        _counters.Guessed(_speculator?.Guessed ?? 0, _speculator?.Right ?? 0);
    }

    void End(Sequence sequence, Ending ending)
    {
        _scheduler.Remove(sequence);
        _speculator?.Ended(sequence);
        _timed.Remove(sequence);
        _counters.Ended(ending.Reason);
        Tell();
        lock (_gate)
        {
            // Nobody runs inside the lock: continuations of a sequence's end are always queued.
            sequence.End(ending.Reason, ending.Cancellation, ending.Error, ending.StopToken);
            if (--_alive == 0 && !_accepting)
            {
                _drained.TrySetResult();
            }
        }

        if (sequence.Beam is { } beam)
        {
            beam.End(ending);
            foreach (Sequence branch in beam.Branches)
            {
                if (!branch.HasEnded)
                {
                    End(branch, ending);
                }
            }
        }
    }

    /// <summary>Ends whatever is alive. Nothing comes into the inbox any more.</summary>
    void EndAll(FinishReason reason, CancellationReason cancellation, Exception? fault = null)
    {
        ReadInbox();
        SequenceFailedException? error = fault is null ? null : new($"The engine stopped at a fault of its own: {fault.Message}", fault);
        foreach (Sequence sequence in _scheduler.Sequences.ToArray().Where(sequence => !sequence.HasEnded))
        {
            End(sequence, new Ending(reason, cancellation, error));
        }
    }

    /// <summary>What other threads tell the engine's: take this sequence in, or let it go.</summary>
    readonly record struct Message(Sequence Sequence, bool Cancel);
}
