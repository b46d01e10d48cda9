using System.Collections.Immutable;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Pruning;
using OpenAutoGlm.Optimization.Recipes;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>How long a stage took.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Time">Its duration.</param>
public readonly record struct StageDuration(OptimizationStage Stage, TimeSpan Time);

/// <summary>Everything that an optimisation found out.</summary>
public sealed record OptimizationResult
{
    /// <summary>The recipe that gives the same bytes again: every group fixed. The one that was asked for where the wish is impossible.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>What was asked for.</summary>
    public required Wish Wish { get; init; }

    /// <summary>The choices.</summary>
    public required ChoiceSpace Space { get; init; }

    /// <summary>What choices lose; null where nothing was left to choose.</summary>
    public SensitivityTable? Sensitivity { get; init; }

    /// <summary>What choices cost.</summary>
    public required ModelCosts Costs { get; init; }

    /// <summary>How the wish ended.</summary>
    public required PromiseResult Promise { get; init; }

    /// <summary>The weights of the result, over those of the model; null where the wish is impossible.</summary>
    public WeightOverlay? Weights { get; init; }

    /// <summary>The result's configuration: the model's, or what pruning has left of it.</summary>
    public required ModelConfig Config { get; init; }

    /// <summary>What pruning made of the model; null where nothing was taken out.</summary>
    public PrunedModel? Pruned { get; init; }

    /// <summary>The original on the windows that the promise is about.</summary>
    public required Quality Original { get; init; }

    /// <summary>Times of the original; null where they were not measured.</summary>
    public KernelTime? OriginalTime { get; init; }

    /// <summary>Times of the result; null where they were not measured.</summary>
    public KernelTime? ResultTime { get; init; }

    /// <summary>Bytes of the original's weights.</summary>
    public required long OriginalBytes { get; init; }

    /// <summary>How long the stages took.</summary>
    public ImmutableArray<StageDuration> Stages { get; init; } = [];

    /// <summary>What the reader should know.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>Whether everything that was asked for is kept, by measured numbers.</summary>
    public bool Kept => Promise.Kept;

    /// <summary>
    /// What was asked, what was reached and what was measured, in sentences.
    /// </summary>
    public ImmutableArray<string> Summary()
    {
        ImmutableArray<string>.Builder lines = ImmutableArray.CreateBuilder<string>();
        lines.Add($"Asked: {Wish}.");
        if (Promise.Best is not { } best)
        {
            lines.Add("Reached: nothing, the budgets cannot be kept together.");
        }
        else
        {
            Quality quality = best.Measured.Quality;
            string size = $"{Figures.Bytes(best.Answer.Cost.Bytes)} instead of {Figures.Bytes(OriginalBytes + best.Answer.Cost.Bytes - WeightBytes(best))}{(Wish.ContextTokens > 0 ? $", the keys and values of {Wish.ContextTokens} tokens included" : "")}";
            lines.Add($"Reached: {size}{(Kept ? "" : ", and the wish is not kept")}.");
            lines.Add($"Measured: KL {Figures.Short(quality.MeanKl)} ± {Figures.Short(quality.MeanKlError)} nats a token, perplexity {Figures.Short(quality.Perplexity)} instead of {Figures.Short(Original.Perplexity)} ({(quality.CrossEntropyChange >= 0 ? "+" : "−")}{Figures.Short(Math.Abs(100 * (Math.Exp(quality.CrossEntropyChange) - 1)))} % ± {Figures.Short(100 * quality.CrossEntropyChangeError)}), {Figures.Short(100 * quality.Top1Agreement)} % of the likeliest tokens the same.");
            if (OriginalTime is { } before && ResultTime is { } after)
            {
                lines.Add($"Measured: {Figures.Seconds(after.DecodeSeconds)} a token instead of {Figures.Seconds(before.DecodeSeconds)}, {Figures.Seconds(after.PrefillSeconds)} a prompt token instead of {Figures.Seconds(before.PrefillSeconds)}.");
            }
        }

        if (Pruned is { } pruned)
        {
            lines.Insert(1, $"Taken out: {(pruned.Removed.IsEmpty ? "nothing" : string.Join(", ", pruned.Removed.GroupBy(unit => unit.Kind).Select(kind => $"{kind.Count()} × {kind.Key.ToString().ToLowerInvariant()}")))}{(pruned.Zeros is { } zeros ? $"; {Figures.Short(100 * zeros)} % of the layers' weights are zero" : "")}.");
        }

        foreach (NearestReach nearest in Promise.Nearest)
        {
            lines.Add($"Nearest: {nearest}.");
        }

        return lines.ToImmutable();
    }

    /// <summary>Bytes of the weights of a candidate, without keys and values.</summary>
    public double WeightBytes(PromiseRound round) => round.Answer.Cost.Bytes - Costs.Kv[Space.KvChoices.IndexOf(round.Answer.Assignment.KvFormat)].Bytes;
}
