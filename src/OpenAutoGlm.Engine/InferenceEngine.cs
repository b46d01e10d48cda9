using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Graph;
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
    readonly Sampler _sampler;
    readonly EngineCounters _counters;
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
    public InferenceEngine(ModelConfig config, IWeights weights, IBackend backend, EngineOptions? options = null)
        : this(ModelRunner.Create(config, weights, backend, options ?? new EngineOptions()), options ?? new EngineOptions(), ownThread: true)
    {
    }

    /// <summary>An engine over any runner. Without a thread of its own, whoever made it calls <see cref="Turn"/>.</summary>
    internal InferenceEngine(IModelRunner runner, EngineOptions options, bool ownThread)
    {
        Options = options;
        _runner = runner;
        _limits = runner.Limits;
        _scheduler = new Scheduler(runner.Pool, _limits);
        _sampler = new Sampler(_limits.Vocab);
        _counters = new EngineCounters(_limits.BlockCount);
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

    /// <summary>Longest sequence in tokens, prompt and answer together: what was asked for, or what the model allows and the memory holds.</summary>
    public int ContextLength => _limits.ContextLength;

    /// <summary>Bytes of key and value memory.</summary>
    public long KvBytes => _runner.Pool.States.Values.Sum(state => state.Bytes);

    /// <summary>What the engine is doing and has done. From any thread, at any time.</summary>
    public EngineStatistics Statistics => _counters.Snapshot();

    internal Scheduler Scheduler => _scheduler;

    /// <summary>The plan that runs, as text.</summary>
    public string PrintPlan() => _runner.PrintPlan();

    /// <summary>Accepts a request or refuses it at once. From any thread.</summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now; nothing of it is kept.</exception>
    public Sequence Submit(SequenceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Accept(request, promptLogits: null);
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
        SequenceOutcome outcome = Accept(new SequenceRequest { Prompt = ids }, logits).Completion.GetAwaiter().GetResult();
        return outcome.Reason switch
        {
            FinishReason.Failed => throw outcome.Error!,
            FinishReason.Cancelled => throw new SequenceCancelledException(outcome.Cancellation, "The engine stopped before all logits were there."),
            _ => logits,
        };
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
        _runner.Dispose();
        _wake.Dispose();
    }

    /// <summary>Reads the inbox and takes a step; false where there was nothing to do.</summary>
    internal bool Turn()
    {
        ReadInbox();
        if (!_scheduler.HasWork)
        {
            return false;
        }

        Step();
        return true;
    }

    void Loop()
    {
        try
        {
            while (!_stopping)
            {
                if (!Turn())
                {
                    _wake.WaitOne();
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

    Sequence Accept(SequenceRequest request, float[][]? promptLogits)
    {
        try
        {
            int maxTokens = promptLogits is null ? RequestRules.MaxTokens(request, _limits) : RequestRules.NoTokens(request, _limits);
            lock (_gate)
            {
                CheckRoom();
                _alive++;
                _lastId++;
                Sequence sequence = new(_lastId, request, maxTokens, request.Sampling.Seed ?? NextSeed(_lastId), Options.EventBuffer, AskToCancel)
                {
                    PromptLogits = promptLogits,
                    Clock = new SequenceClock(Options.TimeProvider),
                };
                _inbox.Enqueue(new Message(sequence, Cancel: false));
                _wake.Set();
                return sequence;
            }
        }
        catch (RequestRefusedException)
        {
            _counters.Refused();
            throw;
        }
    }

    void CheckRoom()
    {
        if (!_accepting)
        {
            throw new RequestRefusedException(RefusalReason.ShuttingDown, null, "The engine takes no more requests.", inner: _fault);
        }

        int most = Options.MaxSequences + Options.QueueLimit;
        if (_alive >= most)
        {
            throw new RequestRefusedException(
                RefusalReason.QueueFull, null, $"{_alive} sequences run or wait already, and no more than {most} may.", _alive + 1, most);
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
                _scheduler.Add(message.Sequence);
            }
            else if (!message.Sequence.HasEnded)
            {
                End(message.Sequence, FinishReason.Cancelled, CancellationReason.Caller);
            }
        }

        Tell();
    }

    void Step()
    {
        long start = Options.TimeProvider.GetTimestamp();
        Batch batch = _scheduler.Schedule();
        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            entry.Sequence.Clock.Scheduled();
        }

        try
        {
            _runner.Run(batch);
        }
        catch (Exception error)
        {
            foreach (ref readonly BatchEntry entry in batch.Entries)
            {
                Fail(entry.Sequence, $"The step that sequence {entry.Sequence.Id} was in failed: {error.Message}", error);
            }

            Finish(start);
            return;
        }

        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            Take(entry);
        }

        Finish(start);
    }

    /// <summary>Commits what an entry ran, and chooses the sequence's next token where it has come that far.</summary>
    void Take(in BatchEntry entry)
    {
        Sequence sequence = entry.Sequence;
        Scheduler.Commit(entry);
        bool decoded = sequence.GeneratedCount > 0 && entry.Count == 1 && sequence.Pending == 0;
        _counters.Prefilled(decoded ? 0 : entry.Count);
        if (sequence.PromptLogits is { } rows)
        {
            for (int i = 0; i < entry.Outputs; i++)
            {
                rows[entry.Start + i] = _runner.Logits(entry.FirstOutput + i).ToArray();
            }

            if (sequence.Pending == 0)
            {
                End(sequence, FinishReason.Length);
            }
        }
        else if (entry.Outputs > 0)
        {
            Choose(sequence, _runner.Logits(entry.FirstOutput)[.._limits.Vocab]);
        }
    }

    void Choose(Sequence sequence, ReadOnlySpan<float> logits)
    {
        SequenceRequest request = sequence.Request;
        int token;
        TokenLogprobs? logprobs;
        try
        {
            DrawKey key = new(sequence.Seed, request.SampleIndex, sequence.Tokens.Count);
            token = _sampler.Sample(logits, request.Sampling, sequence.History, request.Mask, key);
            logprobs = _sampler.Logprobs(logits, request.Sampling, token);
            request.Mask?.Accept(token);
        }
        catch (Exception error)
        {
            Fail(sequence, $"No token could be chosen at position {sequence.Tokens.Count} of sequence {sequence.Id}: {error.Message}", error);
            return;
        }

        _counters.Generated();
        if (!sequence.TryEmit(token, logprobs))
        {
            End(sequence, FinishReason.Cancelled, CancellationReason.SlowReader);
        }
        else if (request.StopTokens.Contains(token))
        {
            End(sequence, FinishReason.Stop, stopToken: token);
        }
        else if (sequence.GeneratedCount == sequence.MaxTokens)
        {
            End(sequence, FinishReason.Length);
        }
    }

    void Finish(long start)
    {
        Tell();
        _counters.Stepped(Options.TimeProvider.GetElapsedTime(start));
        if (Options.CheckInvariants)
        {
            _scheduler.CheckInvariants();
        }
    }

    void Tell() => _counters.Holding(_scheduler.RunningCount, _scheduler.WaitingCount, _runner.Pool.UsedCount, _scheduler.Preemptions);

    void Fail(Sequence sequence, string message, Exception error) =>
        End(sequence, FinishReason.Failed, error: new SequenceFailedException(message, error));

    void End(Sequence sequence, FinishReason reason, CancellationReason cancellation = CancellationReason.None, Exception? error = null, int? stopToken = null)
    {
        _scheduler.Remove(sequence);
        _counters.Ended(reason);
        Tell();
        lock (_gate)
        {
            // Nobody runs inside the lock: continuations of a sequence's end are always queued.
            sequence.End(reason, cancellation, error, stopToken);
            if (--_alive == 0 && !_accepting)
            {
                _drained.TrySetResult();
            }
        }
    }

    /// <summary>Ends whatever is alive. Nothing comes into the inbox any more.</summary>
    void EndAll(FinishReason reason, CancellationReason cancellation, Exception? fault = null)
    {
        ReadInbox();
        SequenceFailedException? error = fault is null ? null : new($"The engine stopped at a fault of its own: {fault.Message}", fault);
        foreach (Sequence sequence in _scheduler.Sequences.ToArray())
        {
            End(sequence, reason, cancellation, error);
        }
    }

    /// <summary>What other threads tell the engine's: take this sequence in, or let it go.</summary>
    readonly record struct Message(Sequence Sequence, bool Cancel);
}
