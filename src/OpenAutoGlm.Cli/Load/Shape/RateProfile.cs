using System.Collections.Immutable;
using System.Globalization;

namespace OpenAutoGlm.Cli.Load.Shape;

/// <summary>A stretch of time over which the rate goes from one value to another on a straight line.</summary>
/// <param name="Seconds">How long; infinite for the last one only.</param>
/// <param name="From">Requests per second at its beginning.</param>
/// <param name="To">Requests per second at its end.</param>
readonly record struct RateStage(double Seconds, double From, double To)
{
    /// <summary>Requests that are expected in it.</summary>
    public double Requests => From == 0 && To == 0 ? 0 : Seconds * (From + To) / 2;

    /// <summary>When so many requests are expected to have come: λ₀t + (λ₁−λ₀)t²/2T = n, solved for t without cancellation.</summary>
    public double SecondsUntil(double requests)
    {
        double slope = double.IsInfinity(Seconds) ? 0 : (To - From) / Seconds;
        return 2 * requests / (From + Math.Sqrt(Math.Max(0, (From * From) + (2 * slope * requests))));
    }
}

/// <summary>How many requests per second are to come, over time: 30s:2,30s:4,1m:4-1.</summary>
sealed record RateProfile(ImmutableArray<RateStage> Stages)
{
    /// <summary>What --rate-profile takes.</summary>
    public const string Form = "stages of time:rate or time:from-to with commas between them, such as 30s:2,30s:4,1m:4-1";

    /// <summary>The same rate for ever.</summary>
    public static RateProfile Of(double rate) => new([new RateStage(double.PositiveInfinity, rate, rate)]);

    /// <summary>How long it goes on.</summary>
    public double Seconds => Stages.Sum(stage => stage.Seconds);

    /// <summary>Reads <see cref="Form"/>; null for anything else.</summary>
    public static RateProfile? Parse(string text)
    {
        var stages = ImmutableArray.CreateBuilder<RateStage>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] halves = part.Split(':');
            string[] rates = halves.Length == 2 ? halves[1].Split('-') : [];
            if (rates.Length is not (1 or 2)
                || !Durations.TryParse(halves[0], out TimeSpan time) || time <= TimeSpan.Zero
                || !TryRate(rates[0], out double from) || !TryRate(rates[^1], out double to))
            {
                return null;
            }

            stages.Add(new RateStage(time.TotalSeconds, from, to));
        }

        return stages.Any(stage => stage.Requests > 0) ? new RateProfile(stages.ToImmutable()) : null;
    }

    /// <summary>The instant, in seconds, by which so many requests are expected; null when the profile ends before.</summary>
    public double? SecondsUntil(double requests)
    {
        double start = 0;
        foreach (RateStage stage in Stages)
        {
            if (requests <= stage.Requests)
            {
                return start + (requests <= 0 ? 0 : stage.SecondsUntil(requests));
            }

            requests -= stage.Requests;
            start += stage.Seconds;
        }

        return null;
    }

    static bool TryRate(string text, out double rate) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out rate) && rate is >= 0 and <= 1e6;
}
