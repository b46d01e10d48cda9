using System.Runtime.CompilerServices;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>
/// Counts what goes through the wall to the engine, and changes nothing of it. It stands here, and not where a dialect
/// reads requests or writes answers, so that every dialect, and work that comes from no client, is counted alike.
/// </summary>
sealed class MeteredSource(ITextSource inner, ModelMetrics metrics) : ITextSource
{
    public InferenceEngine? Engine => inner.Engine;

    public ITextTools? Tools => inner.Tools;

    public ITextRun Start(GenerationRequest request, CancellationToken cancellation)
    {
        long started = metrics.Time.GetTimestamp();
        try
        {
            return new Run(inner.Start(request, cancellation), request.Beams?.Results ?? request.Choices, started, metrics);
        }
        catch (RequestRefusedException)
        {
            metrics.CountRefusal();
            throw;
        }
    }

    sealed class Run : ITextRun
    {
        readonly ITextRun _inner;
        readonly ModelMetrics _metrics;
        readonly long _started;
        readonly long[] _lastEvent; // timestamp of each choice's last event; 0 before the first
        int _open;
        bool _hasBegun;

        public Run(ITextRun inner, int choices, long started, ModelMetrics metrics)
        {
            (_inner, _metrics, _started) = (inner, metrics, started);
            _lastEvent = new long[choices];
            _open = choices;
            metrics.CountPrompt(inner.PromptTokens);
        }

        public int PromptTokens => _inner.PromptTokens;

        public int GeneratedTokens => _inner.GeneratedTokens;

        public async IAsyncEnumerable<GenerationEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
        {
            await foreach (GenerationEvent next in _inner.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                Count(next);
                yield return next;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _inner.DisposeAsync();
            for (int left = Interlocked.Exchange(ref _open, 0); left > 0; left--)
            {
                _metrics.CountAbandoned();
            }
        }

        void Count(GenerationEvent next)
        {
            long now = _metrics.Time.GetTimestamp();
            ChoiceFinished? finished = next as ChoiceFinished;
            if (!_hasBegun && (finished is null || finished.Usage.CompletionTokens > 0))
            {
                _hasBegun = true;
                _metrics.TimeToFirstToken.Observe(_metrics.Time.GetElapsedTime(_started, now));
            }

            if (finished is not null)
            {
                _metrics.CountFinished(finished);
                if (Interlocked.Decrement(ref _open) == 0 && finished.Reason is FinishReason.Stop or FinishReason.Length)
                {
                    _metrics.EndToEnd.Observe(_metrics.Time.GetElapsedTime(_started, now));
                }

                return;
            }

            ref long last = ref _lastEvent[next.Choice];
            if (last != 0)
            {
                _metrics.InterToken.Observe(_metrics.Time.GetElapsedTime(last, now));
            }

            last = now;
        }
    }
}
