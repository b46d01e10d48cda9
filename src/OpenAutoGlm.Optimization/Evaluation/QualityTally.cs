namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>Gathers <see cref="Quality"/> row by row: the logits of the original and of a candidate before each token. Not thread-safe.</summary>
public sealed class QualityTally
{
    readonly WindowedMean _entropy = new();
    readonly WindowedMean _change = new();
    readonly WindowedMean _divergence = new();
    readonly WindowedMean _agreement = new();

    /// <summary>One prediction.</summary>
    /// <param name="original">The original's logits: [vocab].</param>
    /// <param name="candidate">The candidate's logits: [vocab].</param>
    /// <param name="target">The token that follows.</param>
    /// <exception cref="ArgumentException">The rows differ in length, or the token is outside of them.</exception>
    /// <exception cref="EvaluationException">A logit is no number.</exception>
    public void Add(ReadOnlySpan<float> original, ReadOnlySpan<float> candidate, int target)
    {
        if (original.Length != candidate.Length || (uint)target >= (uint)original.Length)
        {
            throw new ArgumentException($"Rows of {original.Length} and {candidate.Length} logits cannot be compared at token {target}.");
        }

        RowSummary ofOriginal = RowSummary.Of(original, target);
        RowSummary ofCandidate = RowSummary.Of(candidate, target);
        if (!ofOriginal.IsNumber || !ofCandidate.IsNumber)
        {
            throw new EvaluationException($"{(ofOriginal.IsNumber ? "Candidate" : "Original")}: {RowSummary.Fault}");
        }

        Add(original, ofOriginal, candidate, ofCandidate);
    }

    /// <summary>Ends a window: what comes now belongs to another piece of text.</summary>
    public void EndWindow()
    {
        _entropy.EndWindow();
        _change.EndWindow();
        _divergence.EndWindow();
        _agreement.EndWindow();
    }

    /// <summary>What was gathered.</summary>
    /// <exception cref="InvalidOperationException">Nothing was.</exception>
    public Quality ToQuality()
    {
        double[] divergences = _divergence.Sorted();
        return new Quality
        {
            Tokens = divergences.Length,
            CrossEntropy = _entropy.Mean,
            CrossEntropyError = _entropy.Error,
            CrossEntropyChange = _change.Mean,
            CrossEntropyChangeError = _change.Error,
            MeanKl = _divergence.Mean,
            MeanKlError = _divergence.Error,
            KlP90 = Percentile(divergences, 0.90),
            KlP99 = Percentile(divergences, 0.99),
            KlMax = divergences[^1],
            Top1Agreement = _agreement.Mean,
            Top1AgreementError = _agreement.Error,
        };
    }

    internal void Add(ReadOnlySpan<float> original, RowSummary originalSummary, ReadOnlySpan<float> candidate, RowSummary summary)
    {
        _divergence.Add(LogProbabilities.Divergence(original, originalSummary.LogSum, candidate, summary.LogSum));
        _entropy.Add(summary.Surprise);
        _change.Add(summary.Surprise - originalSummary.Surprise);
        _agreement.Add(originalSummary.Top == summary.Top ? 1 : 0);
    }

    /// <summary>The original beside itself.</summary>
    internal void AddOriginal(RowSummary summary)
    {
        _divergence.Add(0);
        _entropy.Add(summary.Surprise);
        _change.Add(0);
        _agreement.Add(1);
    }

    /// <summary>The least value that a share of all does not exceed.</summary>
    static double Percentile(double[] sorted, double share) => sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
}

/// <summary>What is kept of a row of logits: ln Σ exp l, −log p of the token that follows, and the likeliest token.</summary>
readonly record struct RowSummary(double LogSum, double Surprise, int Top)
{
    internal const string Fault = "the logits are no numbers (NaN or infinite): a weight is damaged, or a value overflows its format.";

    internal bool IsNumber => !double.IsNaN(LogSum);

    internal static RowSummary Of(ReadOnlySpan<float> logits, int target)
    {
        double sum = LogProbabilities.LogSum(logits);
        return double.IsNaN(sum) ? new RowSummary(sum, sum, 0) : new RowSummary(sum, sum - logits[target], LogProbabilities.Top(logits));
    }
}
