using System.Collections.Concurrent;
using OpenAutoGlm.Engine;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>All that is counted of a server, and what became of it within the last minute.</summary>
sealed class ServerMetrics(TimeProvider time) : IDisposable
{
    /// <summary>How far back <see cref="Recent"/> looks.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    /// <summary>How often the counts are remembered.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    readonly ConcurrentDictionary<string, ModelMetrics> _models = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, RecentReadings> _readings = new(StringComparer.Ordinal);
    readonly Lock _lock = new();
    ITimer? _timer;

    public RequestMetrics Requests { get; } = new();

    public IEnumerable<ModelMetrics> Models => _models.Values.OrderBy(model => model.Id, StringComparer.Ordinal);

    /// <summary>The metrics of a served model, by its id and not by an alias.</summary>
    public ModelMetrics Of(string id) => _models.GetOrAdd(id, _ => new ModelMetrics(id, time));

    /// <summary>Counts whatever goes through a source from now on as the model's, and reads its engine.</summary>
    public ITextSource Meter(string id, ITextSource source)
    {
        ModelMetrics metrics = Of(id);
        metrics.Engine = () => source.Engine;
        return new MeteredSource(source, metrics);
    }

    /// <summary>Reads the engine of a model no more that was unloaded; its counts stay.</summary>
    public void Forget(ServedModel model)
    {
        // Another version of the model may have come before this one went.
        ModelMetrics metrics = Of(model.Id);
        if (metrics.Engine?.Invoke() == model.Source.Engine)
        {
            metrics.Engine = null;
        }
    }

    /// <summary>Begins to remember what was counted when.</summary>
    public void Start()
    {
        Remember();
        _timer = time.CreateTimer(_ => Remember(), null, Interval, Interval);
    }

    /// <summary>What a model did within the last minute, or since the server started where that is less. Null for a model that is not known.</summary>
    public RecentFigures? Recent(string id)
    {
        if (!_models.TryGetValue(id, out ModelMetrics? model))
        {
            return null;
        }

        ModelReading now = ModelReading.Of(model);
        lock (_lock)
        {
            return RecentFigures.Between(_readings.GetValueOrDefault(id)?.Oldest(now, Window) ?? now, now);
        }
    }

    public void Dispose() => _timer?.Dispose();

    void Remember()
    {
        foreach (ModelMetrics model in _models.Values)
        {
            ModelReading reading = ModelReading.Of(model);
            lock (_lock)
            {
                _readings.GetOrAdd(model.Id, _ => new RecentReadings((int)(Window / Interval) + 1)).Add(reading);
            }
        }
    }

    /// <summary>The last readings, the oldest given up for the newest.</summary>
    sealed class RecentReadings(int capacity)
    {
        readonly Queue<ModelReading> _ring = new(capacity);

        public void Add(ModelReading reading)
        {
            if (_ring.Count == capacity)
            {
                _ring.Dequeue();
            }

            _ring.Enqueue(reading);
        }

        /// <summary>The oldest reading that is not older than the window.</summary>
        public ModelReading? Oldest(ModelReading now, TimeSpan window) => _ring.FirstOrDefault(reading => reading.Until(now) <= window);
    }
}

/// <summary>What a model's metrics were at one time.</summary>
sealed record ModelReading
{
    public required long Timestamp { get; init; }

    public required TimeProvider Time { get; init; }

    public required HistogramCounts TimeToFirstToken { get; init; }

    public required HistogramCounts InterToken { get; init; }

    public required HistogramCounts TimePerToken { get; init; }

    public required HistogramCounts EndToEnd { get; init; }

    public required HistogramCounts Queue { get; init; }

    public required long PromptTokens { get; init; }

    public required long CompletionTokens { get; init; }

    public required long Finished { get; init; }

    public required long Failed { get; init; }

    public required EngineStatistics? Engine { get; init; }

    public static ModelReading Of(ModelMetrics model) => new()
    {
        Timestamp = model.Time.GetTimestamp(),
        Time = model.Time,
        TimeToFirstToken = model.TimeToFirstToken.Read(),
        InterToken = model.InterToken.Read(),
        TimePerToken = model.TimePerToken.Read(),
        EndToEnd = model.EndToEnd.Read(),
        Queue = model.Queue.Read(),
        PromptTokens = model.PromptTokens,
        CompletionTokens = model.CompletionTokens,
        Finished = model.Finished(FinishReason.Stop) + model.Finished(FinishReason.Length),
        Failed = model.Finished(FinishReason.Failed) + model.Refused,
        Engine = model.Engine?.Invoke()?.Statistics,
    };

    public TimeSpan Until(ModelReading later) => Time.GetElapsedTime(Timestamp, later.Timestamp);
}

/// <summary>Rates and percentiles of a stretch of time. All times in seconds.</summary>
sealed record RecentFigures
{
    /// <summary>How long the stretch is.</summary>
    public required TimeSpan Span { get; init; }

    /// <summary>Choices that ended well.</summary>
    public required double FinishedPerSecond { get; init; }

    /// <summary>Choices that failed, and runs that the engine refused.</summary>
    public required double FailedPerSecond { get; init; }

    /// <summary>Tokens of prompts that were accepted, those found in the cache included.</summary>
    public required double PromptTokensPerSecond { get; init; }

    /// <summary>Tokens that were written, those of choices that still run included where the engine is at hand.</summary>
    public required double GenerationTokensPerSecond { get; init; }

    /// <summary>Of the tokens looked up in the prefix cache, the share that was found; NaN where none was looked up.</summary>
    public required double PrefixHitRate { get; init; }

    public required Percentiles TimeToFirstToken { get; init; }

    public required Percentiles InterToken { get; init; }

    public required Percentiles TimePerToken { get; init; }

    public required Percentiles EndToEnd { get; init; }

    public required Percentiles Queue { get; init; }

    public static RecentFigures Between(ModelReading then, ModelReading now)
    {
        TimeSpan span = then.Until(now);
        double Rate(long before, long after) => span > TimeSpan.Zero ? Grown(before, after) / span.TotalSeconds : 0;
        return new RecentFigures
        {
            Span = span,
            FinishedPerSecond = Rate(then.Finished, now.Finished),
            FailedPerSecond = Rate(then.Failed, now.Failed),
            PromptTokensPerSecond = Rate(then.PromptTokens, now.PromptTokens),
            GenerationTokensPerSecond = now.Engine is { } engine
                ? Rate(then.Engine?.GeneratedTokens ?? 0, engine.GeneratedTokens)
                : Rate(then.CompletionTokens, now.CompletionTokens),
            PrefixHitRate = Share(
                Grown(then.Engine?.Prefixes.TokensHit ?? 0, now.Engine?.Prefixes.TokensHit ?? 0),
                Grown(then.Engine?.Prefixes.TokensAsked ?? 0, now.Engine?.Prefixes.TokensAsked ?? 0)),
            TimeToFirstToken = now.TimeToFirstToken.Since(then.TimeToFirstToken).Percentiles(),
            InterToken = now.InterToken.Since(then.InterToken).Percentiles(),
            TimePerToken = now.TimePerToken.Since(then.TimePerToken).Percentiles(),
            EndToEnd = now.EndToEnd.Since(then.EndToEnd).Percentiles(),
            Queue = now.Queue.Since(then.Queue).Percentiles(),
        };
    }

    /// <summary>How much a counter grew; an engine that was loaded anew begins at zero.</summary>
    static long Grown(long before, long after) => after >= before ? after - before : after;

    static double Share(long part, long whole) => whole == 0 ? double.NaN : (double)part / whole;
}
