namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>
/// What users should feel. The engine chooses how many tokens a step takes so that these hold for 99 of 100, and does as
/// much as it can beside. Without targets every step is as large as it may be.
/// </summary>
public sealed record LatencyTargets
{
    /// <summary>From the arrival of a request to its first token; null for as soon as the other target allows.</summary>
    public TimeSpan? TimeToFirstToken { get; init; }

    /// <summary>Between two tokens of an answer, whatever prompts are read meanwhile; null for no promise.</summary>
    public TimeSpan? TimePerToken { get; init; }

    /// <summary>Checks that each is over nothing and under an hour.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is not.</exception>
    internal void Validate()
    {
        Check(nameof(TimeToFirstToken), TimeToFirstToken);
        Check(nameof(TimePerToken), TimePerToken);

        static void Check(string name, TimeSpan? target)
        {
            if (target <= TimeSpan.Zero || target > TimeSpan.FromHours(1))
            {
                throw new ArgumentOutOfRangeException(name, target, $"{name} must be more than nothing and at most an hour.");
            }
        }
    }
}
