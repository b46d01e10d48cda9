namespace OpenAutoGlm.Engine.Simulation;

public class SchedulerSimulationTests
{
    [Fact]
    public void A_hundred_thousand_steps_of_random_histories_break_nothing_and_reach_everything()
    {
        SimulationTally tally = SchedulerSimulation.Run(seed: 1, steps: 100_000, cancellation: TestContext.Current.CancellationToken);
        Assert.All(Enum.GetValues<FinishReason>(), reason => Assert.True(tally.Ends.GetValueOrDefault(reason) > 100, $"{reason}: {tally.Ends.GetValueOrDefault(reason)}"));
        Assert.True(tally.Cancellations.GetValueOrDefault(CancellationReason.Caller) > 50, "Callers hardly cancelled.");
        Assert.True(tally.Cancellations.GetValueOrDefault(CancellationReason.SlowReader) > 50, "Hardly a reader was slow.");
        Assert.True(tally.Cancellations.GetValueOrDefault(CancellationReason.Deadline) > 50, "Hardly a deadline passed.");
        Assert.True(tally.Preemptions > 1000, $"Only {tally.Preemptions} preemptions.");
        Assert.True(tally.GuessedRight > 1000 && tally.Guessed > tally.GuessedRight, $"{tally.GuessedRight} of {tally.Guessed} guesses were right.");
        Assert.True(tally.BeamSearches > 100, $"Only {tally.BeamSearches} beam searches finished.");
        Assert.True(tally.Refused > 1000, $"Only {tally.Refused} requests were refused.");
    }
}
