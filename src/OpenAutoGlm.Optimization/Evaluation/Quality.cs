namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>
/// How well a model predicts a text, and how near it is to the original while doing so. Natural logarithms throughout: nats a
/// token. An error is one standard error of the mean: the larger of σ/√n over the n tokens and over the n windows, because
/// tokens of one window share a text and err together, so that counting them as independent would claim too much.
/// </summary>
public sealed record Quality
{
    /// <summary>Predictions that were scored.</summary>
    public required long Tokens { get; init; }

    /// <summary>Mean of −log p(token).</summary>
    public required double CrossEntropy { get; init; }

    /// <summary>Standard error of <see cref="CrossEntropy"/>.</summary>
    public required double CrossEntropyError { get; init; }

    /// <summary>exp(<see cref="CrossEntropy"/>): the number of equally likely tokens that would be as hard to guess.</summary>
    public double Perplexity => Math.Exp(CrossEntropy);

    /// <summary>Standard error of <see cref="Perplexity"/>, to first order: perplexity times the error of the cross-entropy.</summary>
    public double PerplexityError => Perplexity * CrossEntropyError;

    /// <summary>Mean of this model's −log p less the original's, token by token: positive where this model is worse.</summary>
    public required double CrossEntropyChange { get; init; }

    /// <summary>Standard error of <see cref="CrossEntropyChange"/>. Both models read the same tokens, so it is far below that of either.</summary>
    public required double CrossEntropyChangeError { get; init; }

    /// <summary>Mean of KL(original ‖ this model) over the tokens.</summary>
    public required double MeanKl { get; init; }

    /// <summary>Standard error of <see cref="MeanKl"/>.</summary>
    public required double MeanKlError { get; init; }

    /// <summary>The divergence that 90 % of the tokens do not exceed.</summary>
    public required double KlP90 { get; init; }

    /// <summary>The divergence that 99 % of the tokens do not exceed.</summary>
    public required double KlP99 { get; init; }

    /// <summary>The largest divergence.</summary>
    public required double KlMax { get; init; }

    /// <summary>Share of the tokens, 0 to 1, for which both models find the same token likeliest.</summary>
    public required double Top1Agreement { get; init; }

    /// <summary>Standard error of <see cref="Top1Agreement"/>.</summary>
    public required double Top1AgreementError { get; init; }
}
