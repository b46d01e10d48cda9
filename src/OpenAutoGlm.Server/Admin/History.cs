using OpenAutoGlm.Engine;
using OpenAutoGlm.Server.Metrics;

namespace OpenAutoGlm.Server.Admin;

/// <summary>What the server did in the last five minutes, second by second, so that charts are full when somebody begins to look.</summary>
sealed class History(ServerMetrics metrics, TimeProvider time) : IDisposable
{
    /// <summary>Points that are kept.</summary>
    public const int Length = 300;

    static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    readonly Lock _lock = new();
    readonly HistoryPoint[] _points = new HistoryPoint[Length];
    readonly Dictionary<string, Counts> _before = new(StringComparer.Ordinal);
    ITimer? _timer;
    long _last;
    long _timestamp;

    /// <summary>Begins to remember.</summary>
    public void Start()
    {
        _timestamp = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Remember(), null, Interval, Interval);
    }

    /// <summary>The points after a number, as far as they are kept; numbers that nobody ever told count as 0.</summary>
    public HistoryBody After(long number)
    {
        lock (_lock)
        {
            long from = number < 0 || number > _last ? 0 : number;
            int count = (int)Math.Min(_last - from, Length);
            return new HistoryBody(_last, [.. Enumerable.Range(0, count).Select(i => _points[(_last - count + i) % Length])]);
        }
    }

    public void Dispose() => _timer?.Dispose();

    internal void Remember()
    {
        lock (_lock)
        {
            double seconds = time.GetElapsedTime(_timestamp).TotalSeconds;
            if (seconds <= 0)
            {
                return;
            }

            _timestamp = time.GetTimestamp();
            Counts grown = default;
            int running = 0;
            int waiting = 0;
            double usedBlocks = 0;
            double allBlocks = 0;
            foreach (ModelMetrics model in metrics.Models)
            {
                if (model.Engine?.Invoke()?.Statistics is not { } engine)
                {
                    _before.Remove(model.Id);
                    continue;
                }

                Counts now = Counts.Of(engine);
                grown += now.Since(_before.GetValueOrDefault(model.Id));
                _before[model.Id] = now;
                running += engine.RunningSequences;
                waiting += engine.WaitingSequences;
                usedBlocks += engine.UsedKvBlocks;
                allBlocks += engine.TotalKvBlocks;
            }

            _points[_last % Length] = new HistoryPoint(
                Math.Round(grown.Written / seconds, 2), Math.Round(grown.Read / seconds, 2), Math.Round(grown.Cached / seconds, 2),
                running, waiting, allBlocks == 0 ? 0 : Math.Round(usedBlocks / allBlocks, 4));
            _last++;
        }
    }

    readonly record struct Counts(long Written, long Read, long Cached)
    {
        public static Counts Of(EngineStatistics engine) => new(engine.GeneratedTokens, engine.PrefilledTokens, engine.CachedTokens);

        /// <summary>How much they grew; an engine that was made anew begins at zero.</summary>
        public Counts Since(Counts before) => Written < before.Written || Read < before.Read || Cached < before.Cached
            ? this
            : new Counts(Written - before.Written, Read - before.Read, Cached - before.Cached);

        public static Counts operator +(Counts a, Counts b) => new(a.Written + b.Written, a.Read + b.Read, a.Cached + b.Cached);
    }
}
