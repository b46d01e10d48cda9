namespace OpenAutoGlm.Engine;

/// <summary>The moments of a sequence's life, and the times between them.</summary>
sealed class SequenceClock(TimeProvider time)
{
    readonly long _submitted = time.GetTimestamp();
    long? _scheduled;
    long? _first;
    long _last;

    /// <summary>Time since it was submitted.</summary>
    internal TimeSpan Age => time.GetElapsedTime(_submitted);

    /// <summary>It was scheduled; only the first time counts. Says whether this was it.</summary>
    internal bool Scheduled()
    {
        bool isFirst = _scheduled is null;
        _scheduled ??= time.GetTimestamp();
        return isFirst;
    }

    /// <summary>A token was chosen.</summary>
    internal void Generated()
    {
        _last = time.GetTimestamp();
        _first ??= _last;
    }

    /// <summary>The times up to now, for an answer of so many tokens.</summary>
    internal SequenceTimings Timings(int generated)
    {
        long now = time.GetTimestamp();
        long scheduled = _scheduled ?? now;
        long first = _first ?? (_scheduled is null ? scheduled : now);
        return new SequenceTimings(
            time.GetElapsedTime(_submitted, scheduled),
            time.GetElapsedTime(scheduled, first),
            time.GetElapsedTime(first, _first is null ? first : _last),
            Math.Max(0, generated - 1));
    }
}
