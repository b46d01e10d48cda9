using System.Collections.Immutable;
using System.Runtime.InteropServices;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Engine.Simulation.Replay;

/// <summary>
/// Plays a trace through the real engine, with its scheduler, memory and cache of prefixes, and a model that only takes
/// virtual time: what a policy would have done to the traffic, in seconds and the same way every time. Prompts have the
/// trace's lengths and share what its requests shared; an answer is not found again in the prompt of the next turn, since a
/// trace does not tell that it is there.
/// </summary>
public sealed class TraceReplay
{
    const int StepsBetweenLooks = 16; // at the memory: all blocks of all sequences are counted

    readonly Trace _trace;
    readonly VirtualClock _clock = new();
    readonly InferenceEngine _engine;
    readonly MemoryWatch _watch;
    readonly ReplayedRequest[] _requests;
    readonly List<(int Index, Sequence Sequence, TimeSpan Late)> _alive = [];
    readonly int[] _reusable;
    readonly ulong _salt;
    double _stepSeconds;
    double _sequenceSeconds;
    long _steps;
    TimeSpan _end;

    TraceReplay(Trace trace, ReplayPolicy policy, StepCosts costs, int seed)
    {
        _trace = trace;
        _salt = (ulong)seed;
        EngineLimits limits = policy.Limits(ReplayModel.Vocab);
        ReplayModel model = new(limits, _clock, costs);
        EngineOptions options = policy.Options with
        {
            TimeProvider = _clock,
            Seed = (ulong)seed,
            EventBuffer = Math.Max(policy.Options.EventBuffer, trace.Requests.Max(request => request.OutputTokens) + 1),
        };
        _engine = new InferenceEngine(model, options, ownThread: false);
        _watch = new MemoryWatch(limits);
        _requests = new ReplayedRequest[trace.Requests.Length];
        _reusable = EndlessCache.ReusableTokens(trace, limits.BlockTokens);
        model.Stepped = Stepped;
    }

    /// <summary>Plays a trace.</summary>
    /// <param name="trace">The traffic.</param>
    /// <param name="policy">How the engine is set up.</param>
    /// <param name="costs">What steps take. Some of it must be more than nothing.</param>
    /// <param name="seed">Another seed makes other tokens.</param>
    /// <param name="progress">Hears now and then how many requests have come.</param>
    /// <param name="cancellation">Breaks off.</param>
    /// <exception cref="ArgumentException">A step would take no time, or the trace is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option of the policy is out of its range.</exception>
    /// <exception cref="OperationCanceledException">It was broken off.</exception>
    public static ReplayResult Run(Trace trace, ReplayPolicy policy, StepCosts costs, int seed = 0, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        if (trace.Requests.IsEmpty)
        {
            throw new ArgumentException("There is no request in the trace.", nameof(trace));
        }

        if (!(costs.Of(1, 1, 1) > 0) || !double.IsFinite(costs.Of(int.MaxValue, 1, int.MaxValue)))
        {
            throw new ArgumentException($"A step of one token would take {costs.Of(1, 1, 1)} seconds; it must be more than nothing.", nameof(costs));
        }

        TraceReplay replay = new(trace, policy, costs, seed);
        try
        {
            replay.Play(progress, cancellation);
            return replay.Result(policy);
        }
        finally
        {
            replay._engine.Dispose();
        }
    }

    void Play(Action<int>? progress, CancellationToken cancellation)
    {
        int next = 0;
        while (true)
        {
            for (; next < _requests.Length && _trace.Requests[next].Arrival <= _clock.Now; next++)
            {
                Submit(next);
            }

            if (_engine.Turn())
            {
                _steps++;
                Collect();
            }
            else if (_engine.NextTurn > TimeSpan.Zero)
            {
                TimeSpan due = _clock.Now + _engine.NextTurn;
                _clock.AdvanceTo(next < _requests.Length && _trace.Requests[next].Arrival < due ? _trace.Requests[next].Arrival : due);
            }
            else if (next < _requests.Length)
            {
                _clock.AdvanceTo(_trace.Requests[next].Arrival);
            }
            else
            {
                return;
            }

            if (_steps % 1024 == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Invoke(next);
            }
        }
    }

    void Submit(int index)
    {
        TraceRequest asked = _trace.Requests[index];
        ReplayedRequest request = new(asked.PromptTokens, 0, 0, _reusable[index], default, default, null);
        try
        {
            Sequence sequence = _engine.Submit(new SequenceRequest { Prompt = Prompt(index), MaxTokens = asked.OutputTokens });
            _alive.Add((index, sequence, _clock.Now - asked.Arrival));
        }
        catch (RequestRefusedException refusal)
        {
            request = request with { Refusal = refusal.Reason };
        }

        _requests[index] = request;
    }

    ImmutableArray<int> Prompt(int index)
    {
        int[] tokens = new int[_trace.Requests[index].PromptTokens];
        int at = 0;
        foreach (PromptPart part in _trace.Prompt(index, _salt))
        {
            part.Fill(tokens.AsSpan(at, part.Tokens), ReplayModel.Vocab);
            at += part.Tokens;
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(tokens);
    }

    /// <summary>Writes down those that have ended. All of them finish: nobody cancels, nothing fails.</summary>
    void Collect()
    {
        for (int i = _alive.Count - 1; i >= 0; i--)
        {
            (int index, Sequence sequence, TimeSpan late) = _alive[i];
            if (!sequence.HasEnded)
            {
                continue;
            }

            SequenceOutcome outcome = sequence.Completion.Result;
            if (outcome.Reason != FinishReason.Length)
            {
                throw new SimulationException($"Request {index} of the trace ended as {outcome.Reason} instead of {FinishReason.Length}: {outcome.Error?.Message}");
            }

            _requests[index] = _requests[index] with
            {
                OutputTokens = outcome.Usage.CompletionTokens,
                CachedTokens = outcome.Usage.CachedTokens,
                TimeToFirstToken = late + outcome.Timings.TimeToFirstToken,
                EndToEnd = late + outcome.Timings.TimeToFirstToken + outcome.Timings.Decode,
            };
            _end = _clock.Now;
            _alive[i] = _alive[^1];
            _alive.RemoveAt(_alive.Count - 1);
        }
    }

    void Stepped(double seconds, int sequences)
    {
        _stepSeconds += seconds;
        _sequenceSeconds += seconds * sequences;
        if (_steps % StepsBetweenLooks == 0)
        {
            _watch.Look(_engine.Scheduler.Running, seconds);
        }
    }

    ReplayResult Result(ReplayPolicy policy)
    {
        EngineStatistics statistics = _engine.Statistics;
        return new ReplayResult
        {
            Policy = policy,
            Requests = ImmutableCollectionsMarshal.AsImmutableArray(_requests),
            Duration = _end,
            Busy = TimeSpan.FromSeconds(_stepSeconds),
            Steps = _steps,
            Preemptions = statistics.Preemptions,
            PrefilledTokens = statistics.PrefilledTokens,
            MeanSequences = _stepSeconds > 0 ? _sequenceSeconds / _stepSeconds : 0,
            MeanKvUse = _watch.MeanUse,
            MostKvUse = _watch.MostUse,
            Fragmentation = _watch.Fragmentation,
            Reserved = _watch.Reserved,
        };
    }
}
