using FsCheck;
using FsCheck.Fluent;

namespace OpenAutoGlm.Optimization.Evaluation;

public sealed class QualityTallyTests
{
    static readonly float[] Even = [0, 0];
    static readonly float[] ThreeToOne = [MathF.Log(3), 0];

    [Fact]
    public void Two_predictions_give_what_a_hand_computes()
    {
        QualityTally tally = new();
        tally.Add(Even, ThreeToOne, 0); // −ln 3/4
        tally.Add(Even, ThreeToOne, 1); // −ln 1/4
        tally.EndWindow();
        Quality quality = tally.ToQuality();

        double entropy = -(Math.Log(0.75) + Math.Log(0.25)) / 2;
        double divergence = (0.5 * Math.Log(0.5 / 0.75)) + (0.5 * Math.Log(0.5 / 0.25));
        Assert.Equal(2, quality.Tokens);
        Assert.Equal(entropy, quality.CrossEntropy, 1e-7);
        Assert.Equal(1 / Math.Sqrt(0.75 * 0.25), quality.Perplexity, 1e-6);
        Assert.Equal(divergence, quality.MeanKl, 1e-7);
        Assert.Equal(divergence, quality.KlMax, 1e-7);
        Assert.Equal(0, quality.MeanKlError, 1e-7);
        Assert.Equal(entropy - Math.Log(2), quality.CrossEntropyChange, 1e-7);

        // Two values a and b have the standard deviation |a − b| / √2, and their mean that over √2.
        Assert.Equal(Math.Log(3) / 2, quality.CrossEntropyError, 1e-6);
        Assert.Equal(1, quality.Top1Agreement);
    }

    [Fact]
    public void Windows_that_differ_widen_the_error()
    {
        QualityTally together = new();
        QualityTally apart = new();
        for (int i = 0; i < 40; i++)
        {
            float[] row = [i < 20 ? 0 : 4, 0];
            together.Add(row, row, 1);
            apart.Add(row, row, 1);
            if (i % 10 == 9)
            {
                apart.EndWindow();
            }
        }

        together.EndWindow();
        double low = Math.Log(2);
        double high = Math.Log(Math.Exp(4) + 1);

        // Forty values, half of each kind; then four windows, two of each kind.
        Assert.Equal(Math.Sqrt(40.0 / 39) * (high - low) / 2 / Math.Sqrt(40), together.ToQuality().CrossEntropyError, 1e-6);
        Assert.Equal(Math.Sqrt(4.0 / 3) * (high - low) / 2 / Math.Sqrt(4), apart.ToQuality().CrossEntropyError, 1e-6);
        Assert.Equal(together.ToQuality().CrossEntropy, apart.ToQuality().CrossEntropy);
    }

    [Fact]
    public void Percentiles_are_values_that_so_many_do_not_exceed()
    {
        QualityTally tally = new();
        for (int i = 1; i <= 100; i++)
        {
            tally.Add(Even, [i / 100f, 0], 0);
        }

        double Divergence(double logit) => Math.Log((1 + Math.Exp(logit)) / 2) - (logit / 2);
        Quality quality = tally.ToQuality();
        Assert.Equal(Divergence(0.90), quality.KlP90, 1e-7);
        Assert.Equal(Divergence(0.99), quality.KlP99, 1e-7);
        Assert.Equal(Divergence(1.00), quality.KlMax, 1e-7);
    }

    [Fact]
    public void A_distribution_has_no_divergence_from_itself_and_a_shift_of_logits_changes_nothing()
    {
        Prop.ForAll(Rows.ToArbitrary(), rows =>
        {
            QualityTally same = new();
            QualityTally shifted = new();
            foreach ((float[] original, float[] candidate) in rows)
            {
                same.Add(original, original, 0);

                // Eighths of numbers below 2¹⁶ stay exact when 1024 is added.
                shifted.Add([.. original.Select(logit => logit + 1024)], candidate, 0);
                shifted.Add(original, [.. candidate.Select(logit => logit - 1024)], 0);
                shifted.Add(original, candidate, 0);
            }

            double[] divergences = [.. rows.Select(row => Direct(row.Original, row.Candidate))];
            return same.ToQuality() is { MeanKl: 0, KlMax: 0, CrossEntropyChange: 0, Top1Agreement: 1 }
                && Math.Abs(shifted.ToQuality().MeanKl - divergences.Average()) < 1e-9
                && Math.Abs(shifted.ToQuality().KlMax - divergences.Max()) < 1e-9;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void What_both_exclude_counts_nothing_and_what_only_the_candidate_excludes_is_infinitely_far()
    {
        float[] masked = [0, 1, float.NegativeInfinity];
        QualityTally tally = new();
        tally.Add(masked, masked, 0);
        Assert.Equal(0, tally.ToQuality().KlMax);
        tally.Add([0, 1, 2], masked, 0);
        Assert.Equal(double.PositiveInfinity, tally.ToQuality().KlMax);
    }

    [Fact]
    public void Logits_that_are_no_numbers_are_refused()
    {
        QualityTally tally = new();
        Assert.Contains("Candidate", Assert.Throws<EvaluationException>(() => tally.Add(Even, [float.NaN, 0], 0)).Message);
        Assert.Contains("Original", Assert.Throws<EvaluationException>(() => tally.Add([float.PositiveInfinity, 0], Even, 0)).Message);
        Assert.Throws<ArgumentException>(() => tally.Add(Even, [0, 0, 0], 0));
        Assert.Throws<ArgumentException>(() => tally.Add(Even, Even, 2));
        Assert.Throws<InvalidOperationException>(tally.ToQuality);
    }

    [Fact]
    public void The_likeliest_token_is_the_first_of_equals_at_every_length()
    {
        for (int length = 1; length < 70; length++)
        {
            float[] logits = new float[length];
            Assert.Equal(0, LogProbabilities.Top(logits));
            Assert.Equal(Math.Log(length), LogProbabilities.LogSum(logits), 1e-12);
            logits[^1] = 1;
            Assert.Equal(length - 1, LogProbabilities.Top(logits));
        }
    }

    static Gen<(float[] Original, float[] Candidate)[]> Rows =>
        from length in Gen.Choose(1, 60)
        from rows in (from original in Logits(length) from candidate in Logits(length) select (original, candidate)).NonEmptyListOf()
        select rows.ToArray();

    static Gen<float[]> Logits(int length) => Gen.Choose(-400, 400).Select(eighths => eighths / 8f).ArrayOf(length);

    static double Direct(float[] original, float[] candidate)
    {
        double[] p = Softmax(original);
        double[] q = Softmax(candidate);
        return p.Zip(q, (a, b) => a == 0 ? 0 : a * (Math.Log(a) - Math.Log(b))).Sum();
    }

    static double[] Softmax(float[] logits)
    {
        double most = logits.Max();
        double sum = logits.Sum(logit => Math.Exp(logit - most));
        return [.. logits.Select(logit => Math.Exp(logit - most) / sum)];
    }
}
