using System.Collections.Immutable;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Search.Costs;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>What a candidate has, measured on the real model.</summary>
/// <param name="Quality">On windows that nothing was chosen by.</param>
/// <param name="Time">On this machine; null where the wish says nothing about times.</param>
public sealed record MeasuredCandidate(Quality Quality, KernelTime? Time);

/// <summary>Measures a candidate.</summary>
/// <param name="assignment">Its formats.</param>
/// <param name="cancellation">Breaks off.</param>
public delegate MeasuredCandidate MeasureCandidate(Assignment assignment, CancellationToken cancellation);

/// <summary>A candidate that was built and measured.</summary>
/// <param name="Answer">What was predicted.</param>
/// <param name="Measured">What came out.</param>
/// <param name="Kept">Whether everything that was asked for is kept.</param>
/// <param name="Name">Where the candidate came from: "searched", "Q4_K everywhere".</param>
public sealed record PromiseRound(SearchAnswer Answer, MeasuredCandidate Measured, bool Kept, string Name)
{
    /// <summary>The share of a wish's limit that is used up, with what measured numbers leave open; at most 1 where it is kept, 0 where there is none.</summary>
    internal double Use(Wish wish, Goal goal) => goal switch
    {
        Goal.Loss => PromiseKeeper.Use(wish, Measured.Quality),
        Goal.Bytes => wish.MaxBytes is { } bytes ? Answer.Cost.Bytes / bytes : 0,
        Goal.DecodeSeconds => wish.MaxDecodeSeconds is { } decode ? PromiseKeeper.Promised(Measured.Time?.DecodeSeconds ?? 0) / decode : 0,
        _ => wish.MaxPrefillSeconds is { } prefill ? PromiseKeeper.Promised(Measured.Time?.PrefillSeconds ?? 0) / prefill : 0,
    };

    /// <summary>What a search makes small, measured where it was.</summary>
    internal double Value(Goal goal) => goal switch
    {
        Goal.Loss => Measured.Quality.MeanKl,
        Goal.Bytes => Answer.Cost.Bytes,
        Goal.DecodeSeconds => Measured.Time?.DecodeSeconds ?? Answer.Cost.DecodeSeconds,
        _ => Measured.Time?.PrefillSeconds ?? Answer.Cost.PrefillSeconds,
    };
}

/// <summary>How a wish ended.</summary>
/// <param name="Best">The result: the best candidate that keeps the wish, or where none does the one that is nearest to it; null where the budgets alone are impossible.</param>
/// <param name="Kept">Whether the wish is kept, by measured numbers.</param>
/// <param name="Rounds">Everything that was measured, in order.</param>
/// <param name="Nearest">Where the wish is not kept: what can be reached instead.</param>
public sealed record PromiseResult(PromiseRound? Best, bool Kept, ImmutableArray<PromiseRound> Rounds, ImmutableArray<NearestReach> Nearest);

