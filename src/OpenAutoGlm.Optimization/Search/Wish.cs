using System.Collections.Immutable;
using System.Globalization;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>What a search makes as small as it can.</summary>
public enum Goal
{
    /// <summary>The divergence from the original.</summary>
    Loss,

    /// <summary>Bytes of weights, and of keys and values where a context is given.</summary>
    Bytes,

    /// <summary>Time for a token of one sequence.</summary>
    DecodeSeconds,

    /// <summary>Time for a token of a prompt.</summary>
    PrefillSeconds,
}

/// <summary>
/// What the user wants of a model: budgets, a floor of quality, or both. What is not named is free; without a goal the
/// loss is made small where there are budgets only, and the bytes where there is a floor.
/// </summary>
public sealed record Wish
{
    /// <summary>Bytes of all weights as they are stored, and of the keys and values of <see cref="ContextTokens"/> tokens.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Seconds for a token of one sequence, at a depth of <see cref="ContextTokens"/>.</summary>
    public double? MaxDecodeSeconds { get; init; }

    /// <summary>Seconds for a token of a prompt.</summary>
    public double? MaxPrefillSeconds { get; init; }

    /// <summary>Mean KL(original ‖ optimised), in nats a token.</summary>
    public double? MaxKl { get; init; }

    /// <summary>By how many per cent the perplexity may rise.</summary>
    public double? MaxLossPercent { get; init; }

    /// <summary>Tokens whose keys and values count; 0 to leave them out.</summary>
    public int ContextTokens { get; init; }

    /// <summary>What to make small; null for what follows from the rest.</summary>
    public Goal? Minimise { get; init; }

    /// <summary>What is made small.</summary>
    public Goal Goal => Minimise ?? (MaxKl is null && MaxLossPercent is null ? Goal.Loss : MaxBytes is null && MaxDecodeSeconds is null && MaxPrefillSeconds is null ? Goal.Bytes : Goal.Loss);

    /// <summary>Whether there is a floor of quality.</summary>
    public bool HasFloor => MaxKl is not null || MaxLossPercent is not null;

    /// <summary>Whether times matter, and so have to be measured.</summary>
    public bool NeedsTimes => MaxDecodeSeconds is not null || MaxPrefillSeconds is not null || Goal is Goal.DecodeSeconds or Goal.PrefillSeconds;

    /// <summary>
    /// The predicted loss that the floor comes to, in nats a token; infinity without one. A perplexity that is p % higher is a
    /// cross-entropy that is ln(1 + p/100) higher, and that is the divergence where the text is as likely as the original thinks.
    /// </summary>
    public double LossLimit => Math.Min(MaxKl ?? double.PositiveInfinity, MaxLossPercent is { } percent ? Math.Log(1 + (percent / 100)) : double.PositiveInfinity);

    /// <summary>The limit on what a search can make small; null for none.</summary>
    internal double? LimitOf(Goal goal) => goal switch
    {
        Goal.Loss => HasFloor ? LossLimit : null,
        Goal.Bytes => MaxBytes,
        Goal.DecodeSeconds => MaxDecodeSeconds,
        _ => MaxPrefillSeconds,
    };

    /// <summary>Whether anything is asked for.</summary>
    public bool IsEmpty => MaxBytes is null && MaxDecodeSeconds is null && MaxPrefillSeconds is null && !HasFloor;

    /// <summary>Checks the numbers.</summary>
    /// <exception cref="ArgumentException">A number is not above 0; the message names it.</exception>
    public void Check()
    {
        foreach ((string name, double? value) in new[] { ("bytes", MaxBytes), ("seconds a token", MaxDecodeSeconds), ("prefill seconds a token", MaxPrefillSeconds), ("KL", MaxKl), ("loss in %", MaxLossPercent) })
        {
            if (value is { } number && !(number > 0 && double.IsFinite(number)))
            {
                throw new ArgumentException($"A wish for {name} takes a number above 0, not {number.ToString(CultureInfo.InvariantCulture)}.");
            }
        }

        ArgumentOutOfRangeException.ThrowIfNegative(ContextTokens);
    }

    /// <summary>The wish as a sentence.</summary>
    public override string ToString()
    {
        ImmutableArray<string> parts =
        [
            .. MaxBytes is { } bytes ? [$"at most {Figures.Bytes(bytes)}"] : Array.Empty<string>(),
            .. MaxLossPercent is { } percent ? [$"perplexity at most {Figures.Short(percent)} % higher"] : Array.Empty<string>(),
            .. MaxKl is { } kl ? [$"KL at most {Figures.Short(kl)} nats"] : Array.Empty<string>(),
            .. MaxDecodeSeconds is { } decode ? [$"at most {Figures.Seconds(decode)} a token"] : Array.Empty<string>(),
            .. MaxPrefillSeconds is { } prefill ? [$"at most {Figures.Seconds(prefill)} a prompt token"] : Array.Empty<string>(),
        ];
        string goal = Goal switch { Goal.Loss => "as near to the original as possible", Goal.Bytes => "as small as possible", Goal.DecodeSeconds => "as fast as possible", _ => "prompts as fast as possible" };
        return parts.IsEmpty ? goal : $"{string.Join(", ", parts)}; {goal}";
    }
}
