using System.Collections.Immutable;
using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Engine.Speculation;

namespace OpenAutoGlm.Engine.Simulation;

/// <summary>
/// A random history of an engine, from its seed alone: its limits, who arrives when and asks for what, who leaves, which steps fail.
/// The engine is the real one, the model and the clock are simulated. After every step all books must balance; at the end every sequence must have ended
/// once, whoever finished must have the answer that it would have had alone, and all memory must be free or findable.
/// </summary>
sealed class RandomHistory
{
    const int Vocab = 32;

    readonly int _seed;
    readonly Random _random;
    readonly VirtualClock _clock = new();
    readonly SimulatedModel _model;
    readonly InferenceEngine _engine;
    readonly List<Sequence> _accepted = [];
    readonly List<(BeamSearch Search, BeamOptions Options)> _searches = [];
    readonly List<ImmutableArray<int>> _prompts = [];
    readonly SimulationTally _tally;
    readonly double _arrivals;
    readonly bool _readsSlowly;
    readonly Dictionary<Sequence, List<int>> _read = [];

    RandomHistory(int seed, SimulationTally tally)
    {
        _seed = seed;
        _tally = tally;
        _random = new Random(seed);
        int blockTokens = _random.Next(1, 9);
        int blocks = _random.Next(2, 40);
        EngineLimits limits = new(
            Vocab, ContextLength: _random.Next(8, 97), blockTokens, blocks, MaxSequences: _random.Next(1, 7), MaxTokens: _random.Next(1, 33))
        {
            Window = Chance(0.1) ? _random.Next(2, 24) : 0, // the simulated model looks at the token before
        };
        StepCosts costs = new() { Floor = 0.01, Token = 0.001, Sequence = 0.0005, Context = 1e-6 };
        _model = new SimulatedModel(limits, _clock, costs);
        EngineOptions options = Options(limits);
        SimulatedModel? draft = options.Speculation.Source == GuessSource.DraftModel
            ? new SimulatedModel(limits with { BlockCount = _random.Next(1, 40), Window = 0 }, _clock, costs) { Error = chain => chain % 5 == 0 ? 1 : 0 }
            : null;
        double failures = Chance(0.25) ? 0.03 : 0;
        double poison = Chance(0.25) ? 0.02 : 0;
        _model.Fails = _ => Chance(failures);
        _model.IsPoisoned = _ => Chance(poison);
        _arrivals = 0.05 + (0.6 * _random.NextDouble());
        _readsSlowly = Chance(0.1);
        _engine = new InferenceEngine(_model, options, ownThread: false, draft);
    }

    /// <summary>Plays the history of a seed, of at least so many turns and until all have ended.</summary>
    /// <exception cref="SimulationException">Something did not hold; the message names the seed.</exception>
    internal static void Play(int seed, int turns, SimulationTally tally)
    {
        try
        {
            RandomHistory history = new(seed, tally);
            history.Run(turns);
        }
        catch (Exception error)
        {
            throw new SimulationException($"The history of seed {seed} went wrong: {error.Message}", error);
        }
    }

    EngineOptions Options(EngineLimits limits) => new()
    {
        MaxSequences = limits.MaxSequences,
        QueueLimit = _random.Next(1, 9),
        EventBuffer = Chance(0.2) ? 10 : 200,
        CheckInvariants = true,
        Seed = (ulong)_seed,
        TimeProvider = _clock,
        BatchWindow = Chance(0.15) ? TimeSpan.FromMilliseconds(30) : TimeSpan.Zero,
        Speculation = new SpeculationOptions { Source = (GuessSource)_random.Next(3), MaxGuesses = _random.Next(1, 9), RememberedTokens = _random.Next(4) * 200, IsAdaptive = Chance(0.5) },
        Latency = new LatencyTargets
        {
            TimePerToken = Chance(0.3) ? TimeSpan.FromMilliseconds(15) : null,
            TimeToFirstToken = Chance(0.3) ? TimeSpan.FromMilliseconds(100) : null,
        },
        PrefixCache = new PrefixCacheOptions { Enabled = Chance(0.8) }, // the second tier has a simulation of its own
    };

    bool Chance(double chance) => _random.NextDouble() < chance;

    void Run(int turns)
    {
        for (int turn = 0; turn < turns; turn++)
        {
            Disturb();
            Turn();
        }

        for (int turn = 0; Turn(); turn++)
        {
            Require(turn < 20_000, "the engine makes no progress");
        }

        Require(_engine.Statistics is { RunningSequences: 0, WaitingSequences: 0, UsedKvBlocks: 0 }, "somebody is still there, or some block still held");
        _engine.Scheduler.CheckInvariants();
        foreach (Sequence sequence in _accepted.Where(sequence => sequence.Beam is null))
        {
            Check(sequence);
        }

        _searches.ForEach(search => Check(search.Search, search.Options));
        Count();
        _engine.Dispose();
    }

    bool Turn()
    {
        if (_engine.Turn())
        {
            return true;
        }

        bool isGathering = _engine.NextTurn > TimeSpan.Zero;
        _clock.Advance(isGathering ? _engine.NextTurn : TimeSpan.FromMilliseconds(1));
        return isGathering;
    }

    void Disturb()
    {
        if (Chance(_arrivals))
        {
            Submit();
        }

        if (_accepted.Count > 0 && Chance(0.03))
        {
            _accepted[_random.Next(_accepted.Count)].Cancel();
        }

        if (!_readsSlowly)
        {
            foreach (Sequence sequence in _accepted)
            {
                Read(sequence);
            }
        }
    }

    void Submit()
    {
        SequenceRequest request = new()
        {
            Prompt = Prompt(),
            MaxTokens = Chance(0.2) ? null : _random.Next(1, 50),
            StopTokens = Chance(0.2) ? [_random.Next(Vocab)] : [],
            Priority = Chance(0.2) ? _random.Next(-2, 3) : 0,
            Tenant = Chance(0.3) ? $"tenant {_random.Next(3)}" : null,
            CacheSalt = Chance(0.1) ? $"salt {_random.Next(2)}" : null,
            Retention = Chance(0.2) ? (CacheRetention)_random.Next(3) : CacheRetention.Default,
            Timeout = Chance(0.1) ? TimeSpan.FromMilliseconds(_random.Next(1, 2000)) : null,
        };
        if (Chance(0.05))
        {
            SubmitBeams(request);
            return;
        }

        int samples = Chance(0.15) ? _random.Next(2, 5) : 1;
        try
        {
            _accepted.AddRange(_engine.SubmitSamples([.. Enumerable.Range(0, samples).Select(index => request with { SampleIndex = index })]));
        }
        catch (RequestRefusedException refusal)
        {
            CheckRefusal(refusal);
        }
    }

    void SubmitBeams(SequenceRequest request)
    {
        BeamOptions options = new() { Width = _random.Next(2, 6), LengthPenalty = _random.Next(3), EarlyStopping = Chance(0.3) };
        try
        {
            BeamSearch search = _engine.SubmitBeams(request with { MaxTokens = _random.Next(1, 12) }, options);
            _accepted.AddRange(search.Branches);
            _searches.Add((search, options));
        }
        catch (RequestRefusedException refusal) when (refusal.Parameter == "beam_width")
        {
            _tally.Refused++;
        }
        catch (RequestRefusedException refusal)
        {
            CheckRefusal(refusal);
        }
    }

    void CheckRefusal(RequestRefusedException refusal)
    {
        _tally.Refused++;
        Require(
            refusal.Reason is RefusalReason.QueueFull or RefusalReason.PromptTooLong or RefusalReason.ContextExceeded or RefusalReason.KvMemoryExceeded,
            $"a request was refused for {refusal.Reason}");
    }

    /// <summary>New tokens, often behind the beginning of what somebody else said, so that prefixes are shared and part ways.</summary>
    ImmutableArray<int> Prompt()
    {
        IEnumerable<int> tokens = Enumerable.Range(0, _random.Next(1, 30)).Select(_ => _random.Next(Vocab));
        if (_prompts.Count > 0 && Chance(0.6))
        {
            ImmutableArray<int> earlier = _prompts[_random.Next(_prompts.Count)];
            tokens = earlier.Take(_random.Next(earlier.Length + 1)).Concat(tokens.Take(_random.Next(1, 6)));
        }
        else if (_accepted.Count > 0 && Chance(0.3))
        {
            // The next turn of a conversation: all that was said, and a little more.
            Sequence earlier = _accepted[_random.Next(_accepted.Count)];
            tokens = earlier.Tokens.ToArray().Concat(tokens.Take(3));
        }

        ImmutableArray<int> prompt = [.. tokens];
        _prompts.Add(prompt);
        return prompt;
    }

    void Read(Sequence sequence)
    {
        while (sequence.Events.TryRead(out TokenEvent token))
        {
            if (!_read.TryGetValue(sequence, out List<int>? read))
            {
                read = [];
                _read.Add(sequence, read);
            }

            Require(token.Index == read.Count, $"event {token.Index} of sequence {sequence.Id} came as number {read.Count}");
            read.Add(token.Token);
        }
    }

    void Check(Sequence sequence)
    {
        Read(sequence);
        Require(sequence.Completion.IsCompletedSuccessfully, $"sequence {sequence.Id} has not ended");
        Require(sequence.Events.Completion.IsCompleted, $"the events of sequence {sequence.Id} have not ended");
        SequenceOutcome outcome = sequence.Completion.Result;
        List<int> read = _read.GetValueOrDefault(sequence) ?? [];
        List<int> expected = [.. sequence.Request.Prompt];
        SimulatedModel.Expected(expected, read.Count, Vocab);
        Require(read.SequenceEqual(expected.Skip(sequence.Request.Prompt.Length)), $"sequence {sequence.Id} has another answer than it would have alone");
        ImmutableArray<int> stops = sequence.Request.StopTokens;
        int stop = read.FindIndex(stops.Contains);
        Require(stop < 0 || stop == read.Count - 1, $"sequence {sequence.Id} went on after a stop token");
        switch (outcome.Reason)
        {
            case FinishReason.Stop:
                Require(stop >= 0 && outcome.StopToken == read[^1], $"sequence {sequence.Id} stopped without a reason");
                break;
            case FinishReason.Length:
                Require(read.Count == sequence.MaxTokens, $"sequence {sequence.Id} has {read.Count} tokens instead of {sequence.MaxTokens}");
                break;
            case FinishReason.Failed:
                Require(outcome.Error is SequenceFailedException, $"sequence {sequence.Id} failed without an error");
                break;
            default:
                Require(outcome.Cancellation != CancellationReason.None, $"sequence {sequence.Id} was cancelled by nobody");
                break;
        }

        _tally.Ends[outcome.Reason] = _tally.Ends.GetValueOrDefault(outcome.Reason) + 1;
        if (outcome.Reason == FinishReason.Cancelled)
        {
            _tally.Cancellations[outcome.Cancellation] = _tally.Cancellations.GetValueOrDefault(outcome.Cancellation) + 1;
        }

        _tally.CachedTokens += outcome.Usage.CachedTokens;
        _tally.Generated += outcome.Usage.CompletionTokens;
    }

    /// <summary>A search that finished found what it finds where every continuation is computed anew from its tokens.</summary>
    void Check(BeamSearch search, BeamOptions options)
    {
        Require(search.Completion.IsCompleted, "a beam search has not ended");
        Sequence first = search.Branches[0];
        FinishReason reason = first.Completion.Result.Reason;
        foreach (Sequence branch in search.Branches)
        {
            Require(branch.HasEnded && branch.Completion.Result.Reason == reason, "the branches of a beam search ended in different ways");
        }

        Require(search.Completion.IsCompletedSuccessfully == reason is FinishReason.Stop or FinishReason.Length, "a beam search ended otherwise than its branches");
        if (search.Completion.IsCompletedSuccessfully)
        {
            BeamResult expected = Expected(first, options);
            BeamResult found = search.Completion.Result[0];
            Require(found.Tokens.SequenceEqual(expected.Tokens), $"the beam search of sequence {first.Id} found another answer than it would have alone");
            _tally.BeamSearches++;
        }
    }

    static BeamResult Expected(Sequence first, BeamOptions options)
    {
        Sampler sampler = new(Vocab);
        float[] row = new float[Vocab];
        BeamFrontier frontier = new(options, first.Request.StopTokens, first.MaxTokens);
        List<(int[] Answer, double Sum)> branches = [([], 0)];
        while (!frontier.IsDone)
        {
            List<BeamCandidate> candidates = [];
            for (int branch = 0; branch < branches.Count; branch++)
            {
                SimulatedModel.LogitsAfter([.. first.Request.Prompt, .. branches[branch].Answer], row);
                foreach ((int token, float logprob) in sampler.Likeliest(row, first.Request.Sampling, history: null, 2 * options.Width))
                {
                    candidates.Add(new BeamCandidate(branch, token, branches[branch].Sum + logprob));
                }
            }

            branches = [.. frontier.Advance(candidates, branch => branches[branch].Answer).Select(next => ((int[])[.. branches[next.Branch].Answer, next.Token], next.LogProbability))];
        }

        return frontier.Results[0];
    }

    void Count()
    {
        EngineStatistics statistics = _engine.Statistics;
        Require(_accepted.Count == statistics.Finished + statistics.Failed + statistics.Cancelled, "the statistics count other ends than there were");
        _tally.Histories++;
        _tally.Steps += statistics.Steps;
        _tally.Preemptions += statistics.Preemptions;
        _tally.Guessed += statistics.GuessedTokens;
        _tally.GuessedRight += statistics.GuessedRightTokens;
    }

    static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new SimulationException(otherwise);
        }
    }
}
