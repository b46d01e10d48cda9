using System.Diagnostics.Metrics;
using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine;

/// <summary>
/// The numbers behind <see cref="EngineStatistics"/>, and the same numbers as instruments of the meter
/// "OpenAutoGlm.Engine" for whoever listens. Written by the engine's thread, except for refusals; read from anywhere.
/// </summary>
sealed class EngineCounters : IDisposable
{
    const double NewestWeight = 1.0 / 16;

    readonly Meter _meter = new("OpenAutoGlm.Engine");
    readonly Histogram<double> _stepSeconds;
    long _steps;
    long _prefilled;
    long _cached;
    long _generated;
    long _preemptions;
    long _finished;
    long _failed;
    long _cancelled;
    long _refused;
    long _guessed;
    long _guessedRight;
    int _stepTokens;
    int _stepPromptTokens;
    double _stepMs;
    long _guessTicks;
    long _planTicks;
    long _runTicks;
    long _chooseTicks;
    long _commitTicks;
    int _running;
    int _waiting;
    int _usedBlocks;
    readonly int _totalBlocks;

    internal EngineCounters(int totalBlocks)
    {
        _totalBlocks = totalBlocks;
        _stepSeconds = _meter.CreateHistogram<double>("autoglm.engine.step.duration", "s", "Time of a step.");
        Gauge("autoglm.engine.sequences.running", "{sequence}", "Sequences that hold key and value memory.", () => Volatile.Read(ref _running));
        Gauge("autoglm.engine.sequences.waiting", "{sequence}", "Sequences that wait for it.", () => Volatile.Read(ref _waiting));
        Gauge("autoglm.engine.kv.blocks.used", "{block}", "Blocks of key and value memory in use.", () => Volatile.Read(ref _usedBlocks));
        Gauge("autoglm.engine.kv.blocks.total", "{block}", "All blocks of key and value memory.", () => _totalBlocks);
        Gauge("autoglm.engine.step.tokens.limit", "{token}", "Tokens that a step may have while somebody writes.", () => Volatile.Read(ref _stepTokens));
        Gauge("autoglm.engine.step.prompt_tokens.limit", "{token}", "Of these what prompts may have.", () => Volatile.Read(ref _stepPromptTokens));
        Counter("autoglm.engine.tokens.guessed", "{token}", "Tokens guessed ahead and run.", () => Volatile.Read(ref _guessed));
        Counter("autoglm.engine.tokens.guessed.right", "{token}", "Guesses that were right.", () => Volatile.Read(ref _guessedRight));
        Counter("autoglm.engine.steps", "{step}", "Steps taken.", () => Volatile.Read(ref _steps));
        Counter("autoglm.engine.tokens.prefilled", "{token}", "Tokens computed that were given.", () => Volatile.Read(ref _prefilled));
        Counter("autoglm.engine.tokens.cached", "{token}", "Tokens of prompts that were found in memory.", () => Volatile.Read(ref _cached));
        Counter("autoglm.engine.tokens.generated", "{token}", "Tokens generated.", () => Volatile.Read(ref _generated));
        Counter("autoglm.engine.preemptions", "{preemption}", "Times that a sequence gave up its blocks.", () => Volatile.Read(ref _preemptions));
        Counter("autoglm.engine.sequences.finished", "{sequence}", "Sequences that finished.", () => Volatile.Read(ref _finished));
        Counter("autoglm.engine.sequences.failed", "{sequence}", "Sequences that failed.", () => Volatile.Read(ref _failed));
        Counter("autoglm.engine.sequences.cancelled", "{sequence}", "Sequences that were cancelled.", () => Volatile.Read(ref _cancelled));
        Counter("autoglm.engine.requests.refused", "{request}", "Requests that were refused.", () => Volatile.Read(ref _refused));
    }

    internal EngineStatistics Snapshot(PrefixCacheStatistics prefixes) => new()
    {
        Prefixes = prefixes,
        RunningSequences = Volatile.Read(ref _running),
        WaitingSequences = Volatile.Read(ref _waiting),
        UsedKvBlocks = Volatile.Read(ref _usedBlocks),
        TotalKvBlocks = _totalBlocks,
        Steps = Volatile.Read(ref _steps),
        PrefilledTokens = Volatile.Read(ref _prefilled),
        CachedTokens = Volatile.Read(ref _cached),
        GeneratedTokens = Volatile.Read(ref _generated),
        Preemptions = Volatile.Read(ref _preemptions),
        Finished = Volatile.Read(ref _finished),
        Failed = Volatile.Read(ref _failed),
        Cancelled = Volatile.Read(ref _cancelled),
        Refused = Volatile.Read(ref _refused),
        Phases = new StepPhases(Time(ref _guessTicks), Time(ref _planTicks), Time(ref _runTicks), Time(ref _chooseTicks), Time(ref _commitTicks)),
        StepMs = Volatile.Read(ref _stepMs),
        GuessedTokens = Volatile.Read(ref _guessed),
        GuessedRightTokens = Volatile.Read(ref _guessedRight),
        StepTokens = Volatile.Read(ref _stepTokens),
        StepPromptTokens = Volatile.Read(ref _stepPromptTokens),
    };

    internal void Stepped(TimeSpan took, StepPhases phases)
    {
        double ms = took.TotalMilliseconds;
        Volatile.Write(ref _stepMs, _steps == 0 ? ms : _stepMs + (NewestWeight * (ms - _stepMs)));
        Volatile.Write(ref _steps, _steps + 1);
        _stepSeconds.Record(took.TotalSeconds);
        Add(ref _guessTicks, phases.Guess);
        Add(ref _planTicks, phases.Plan);
        Add(ref _runTicks, phases.Run);
        Add(ref _chooseTicks, phases.Choose);
        Add(ref _commitTicks, phases.Commit);
    }

    internal void Prefilled(int tokens) => Volatile.Write(ref _prefilled, _prefilled + tokens);

    internal void Cached(int tokens) => Volatile.Write(ref _cached, _cached + tokens);

    internal void Generated() => Volatile.Write(ref _generated, _generated + 1);

    internal void Ended(FinishReason reason)
    {
        ref long count = ref _finished;
        switch (reason)
        {
            case FinishReason.Failed:
                count = ref _failed;
                break;
            case FinishReason.Cancelled:
                count = ref _cancelled;
                break;
        }

        Volatile.Write(ref count, count + 1);
    }

    internal void Refused() => Interlocked.Increment(ref _refused);

    internal void Holding(int running, int waiting, int usedBlocks, long preemptions)
    {
        Volatile.Write(ref _running, running);
        Volatile.Write(ref _waiting, waiting);
        Volatile.Write(ref _usedBlocks, usedBlocks);
        Volatile.Write(ref _preemptions, preemptions);
    }

    /// <summary>Notes all guesses so far.</summary>
    internal void Guessed(long guessed, long right)
    {
        Volatile.Write(ref _guessed, guessed);
        Volatile.Write(ref _guessedRight, right);
    }

    /// <summary>Notes what a step may have from now on.</summary>
    internal void Allowed(int stepTokens, int promptTokens)
    {
        Volatile.Write(ref _stepTokens, stepTokens);
        Volatile.Write(ref _stepPromptTokens, promptTokens);
    }

    static TimeSpan Time(ref long ticks) => TimeSpan.FromTicks(Volatile.Read(ref ticks));

    static void Add(ref long ticks, TimeSpan more) => Volatile.Write(ref ticks, ticks + more.Ticks);

    public void Dispose() => _meter.Dispose();

    void Gauge(string name, string unit, string description, Func<int> read) => _meter.CreateObservableGauge(name, read, unit, description);

    void Counter(string name, string unit, string description, Func<long> read) => _meter.CreateObservableCounter(name, read, unit, description);
}
