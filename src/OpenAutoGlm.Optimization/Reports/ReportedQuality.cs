using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Reports;

/// <summary>Quality of the model as it came and of the result, on the same tokens.</summary>
/// <param name="Data">What was read: the name of a text or set.</param>
/// <param name="Tokens">Tokens that were predicted.</param>
/// <param name="Before">The model as it came.</param>
/// <param name="After">The result; null where there is none.</param>
/// <param name="Divergence">How far the result's predictions are from the original's; null where there is none.</param>
/// <param name="Tasks">Tasks solved by both.</param>
public sealed record ReportedQuality(
    string Data, long Tokens, QualityFigures Before, QualityFigures? After, DivergenceFigures? Divergence, ImmutableArray<TaskFigures> Tasks)
{
    /// <summary>Tasks solved by both.</summary>
    public ImmutableArray<TaskFigures> Tasks { get => field.IsDefault ? [] : field; init; } = Tasks;
}

/// <summary>How well one model predicts a text.</summary>
/// <param name="Perplexity">exp of the mean cross-entropy.</param>
/// <param name="PerplexityError">Its standard error.</param>
/// <param name="CrossEntropy">Mean cross-entropy in nats per token.</param>
public sealed record QualityFigures(double Perplexity, double PerplexityError, double CrossEntropy);

/// <summary>How far one model's predictions are from another's: KL(original ‖ result) in nats per token.</summary>
/// <param name="MeanKl">The mean.</param>
/// <param name="MeanKlError">Its standard error.</param>
/// <param name="KlP90">Nine tokens in ten are below.</param>
/// <param name="KlP99">99 tokens in a hundred are below.</param>
/// <param name="KlMax">The worst token.</param>
/// <param name="Top1Agreement">Share of tokens at which both think the same token likeliest.</param>
public sealed record DivergenceFigures(double MeanKl, double MeanKlError, double KlP90, double KlP99, double KlMax, double Top1Agreement);

/// <summary>A task solved by the model as it came and by the result.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">How it is solved: "multiple choice", "exact match".</param>
/// <param name="Items">Questions.</param>
/// <param name="Before">Share solved by the model as it came.</param>
/// <param name="BeforeError">Its standard error.</param>
/// <param name="After">Share solved by the result; null where there is none.</param>
/// <param name="AfterError">Its standard error.</param>
public sealed record TaskFigures(string Name, string Kind, int Items, double Before, double BeforeError, double? After, double? AfterError);
