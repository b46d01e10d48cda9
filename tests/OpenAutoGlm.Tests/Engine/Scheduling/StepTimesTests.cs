namespace OpenAutoGlm.Engine.Scheduling;

public class StepTimesTests
{
    [Fact]
    public void Between_sizes_there_are_straight_lines_and_beyond_them_the_average()
    {
        StepTimes times = new();
        Assert.Equal(0, times.Predict(1));
        times.Add(2, 0.2);
        times.Add(16, 0.9);
        Assert.Equal(0.2, times.Predict(1), 12);
        Assert.Equal(0.55, times.Predict(9), 12);
        Assert.Equal(1.8, times.Predict(32), 12);
        Assert.Equal(0.05, times.SecondsPerFurtherToken, 12);
    }

    [Fact]
    public void A_cold_step_is_forgotten_and_a_fast_one_believed()
    {
        StepTimes times = new();
        times.Add(4, 9);
        times.Add(4, 1);
        Assert.Equal(1, times.Predict(4), 12);
        times.Add(4, 3);
        Assert.Equal(1.25, times.Predict(4), 12);
        times.Add(4, 0.6);
        Assert.Equal(0.6, times.Predict(4), 12);
    }

    [Fact]
    public void What_guesses_cost_is_learnt_through_noise_and_from_no_cold_step()
    {
        Random random = new(5);
        StepTimes times = new();
        times.Add(13, 5); // cold
        for (int i = 0; i < 400; i++)
        {
            int guesses = i % 4 * 2;
            double seconds = (0.05 + (0.002 * guesses)) * (0.8 + (0.4 * random.NextDouble()));
            if (guesses > 0)
            {
                times.AddGuesses(1, guesses, seconds);
            }

            times.Add(1 + guesses, seconds);
        }

        Assert.InRange(times.SecondsPerFurtherToken, 0.001, 0.003 + (5 / 12.0 * 0.1));
        times.Add(13, 0.08);
        Assert.InRange(times.SecondsPerFurtherToken, 0.001, 0.003);
    }

    [Fact]
    public void Further_tokens_never_seem_to_give_time_back()
    {
        StepTimes times = new();
        times.Add(1, 0.06);
        times.Add(8, 0.05);
        Assert.Equal(0, times.SecondsPerFurtherToken);
    }
}
