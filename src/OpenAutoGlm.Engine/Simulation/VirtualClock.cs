namespace OpenAutoGlm.Engine.Simulation;

/// <summary>A clock that stands still until it is told to go on, so that days of traffic pass in seconds and the same way every time.</summary>
sealed class VirtualClock : TimeProvider
{
    static readonly DateTimeOffset Start = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Time since it was made.</summary>
    internal TimeSpan Now { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Now.Ticks;

    public override DateTimeOffset GetUtcNow() => Start + Now;

    internal void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        Now += by;
    }

    /// <summary>Goes on until a moment; does nothing where that has passed.</summary>
    internal void AdvanceTo(TimeSpan moment) => Now = moment > Now ? moment : Now;
}
