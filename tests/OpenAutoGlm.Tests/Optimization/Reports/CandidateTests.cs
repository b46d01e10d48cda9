namespace OpenAutoGlm.Optimization.Reports;

public class CandidateTests
{
    static Candidate Of(string name, long bytes, double? kl, double? seconds = null) => new(name, CandidateKind.Searched, bytes, 4) { MeanKl = kl, SecondsPerToken = seconds };

    [Fact]
    public void Nothing_on_the_front_is_beaten_and_all_else_is()
    {
        Random random = new(7);
        Candidate[] all = [.. Candidate.WithFront(Enumerable.Range(0, 200).Select(i => Of($"{i}", random.Next(50), random.Next(50), random.Next(50))))];
        foreach (Candidate one in all)
        {
            bool beaten = all.Any(other => other.Bytes <= one.Bytes && other.Loss <= one.Loss && other.SecondsPerToken <= one.SecondsPerToken
                && (other.Bytes < one.Bytes || other.Loss < one.Loss || other.SecondsPerToken < one.SecondsPerToken));
            Assert.Equal(!beaten, one.OnFront);
        }

        Assert.Contains(all, one => one.OnFront);
    }

    [Fact]
    public void Twins_are_both_on_it() => Assert.All(Candidate.WithFront([Of("a", 1, 1), Of("b", 1, 1)]), one => Assert.True(one.OnFront));

    [Fact]
    public void A_slow_model_is_beaten_by_a_faster_one_only_where_both_were_timed()
    {
        Assert.True(Candidate.WithFront([Of("a", 1, 0.1, 5), Of("b", 2, 0.2, 1)])[1].OnFront);
        Assert.False(Candidate.WithFront([Of("a", 1, 0.1), Of("b", 2, 0.2, 1)])[1].OnFront);
    }

    [Fact]
    public void Without_a_loss_nothing_is_on_it() => Assert.False(Candidate.WithFront([Of("a", 1, null)])[0].OnFront);

    [Fact]
    public void A_measured_loss_counts_more_than_a_predicted_one() =>
        Assert.Equal(0.3, (Of("a", 1, 0.3) with { PredictedKl = 0.1 }).Loss);
}
