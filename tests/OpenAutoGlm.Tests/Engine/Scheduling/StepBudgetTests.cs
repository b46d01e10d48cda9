using OpenAutoGlm.Engine.Simulation;

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>The controller against a model whose steps cost a + b × tokens, with noise.</summary>
public class StepBudgetTests
{
    static readonly EngineLimits Limits = new(100, 4096, 32, 1000, 16, 512);
    static readonly StepCosts Costs = new() { Step = 0.005, Floor = 0.02, Token = 0.002 };

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.1)]
    [InlineData(0.4)]
    public void Steps_beside_a_long_prompt_come_to_the_target_and_stay_there(double target)
    {
        StepBudget budget = new(new LatencyTargets { TimePerToken = TimeSpan.FromSeconds(target) }, Limits);
        Random random = new(1);
        List<double> seconds = [];
        for (int step = 0; step < 4000; step++)
        {
            seconds.Add(Step(budget, random, decoding: 4));
        }

        double[] settled = [.. seconds.Skip(400).Order()];
        double p99 = settled[(int)(0.99 * settled.Length)];
        Assert.InRange(p99, 0.9 * target, 1.1 * target);
        Assert.True(settled[settled.Length / 2] > 0.75 * target, "Half of the steps are far smaller than they may be.");
    }

    [Fact]
    public void It_settles_without_oscillation()
    {
        StepBudget budget = new(new LatencyTargets { TimePerToken = TimeSpan.FromMilliseconds(100) }, Limits);
        List<int> tokens = [];
        for (int step = 0; step < 100; step++)
        {
            Step(budget, null, decoding: 4);
            tokens.Add(budget.Tokens);
        }

        // Two steps of learning, and then hardly a change.
        Assert.InRange(tokens[^1], 38, 49);
        for (int step = 5; step < 100; step++)
        {
            Assert.True(Math.Abs(tokens[step] - tokens[step - 1]) <= 3, $"Step {step}: {tokens[step - 1]} to {tokens[step]}.");
        }
    }

    [Fact]
    public void It_recovers_when_steps_get_cheaper()
    {
        StepBudget budget = new(new LatencyTargets { TimePerToken = TimeSpan.FromMilliseconds(100) }, Limits);
        for (int step = 0; step < 100; step++)
        {
            Step(budget, null, decoding: 4, slowness: 3);
        }

        int slow = budget.Tokens;
        for (int step = 0; step < 200; step++)
        {
            Step(budget, null, decoding: 4);
        }

        Assert.True(budget.Tokens > 2 * slow, $"{slow} to {budget.Tokens}");
    }

    [Fact]
    public void Nobody_is_admitted_when_writing_alone_would_miss_the_target()
    {
        StepBudget budget = new(new LatencyTargets { TimePerToken = TimeSpan.FromMilliseconds(30) }, Limits);
        budget.Times.Add(1, 0.025);
        budget.Times.Add(8, 0.045);
        Assert.True(budget.AllowsOneMore(0));
        Assert.True(budget.AllowsOneMore(1));
        Assert.False(budget.AllowsOneMore(7));
    }

    [Fact]
    public void Without_targets_every_step_may_be_as_large_as_the_limit()
    {
        StepBudget budget = new(new LatencyTargets(), Limits);
        for (int step = 0; step < 50; step++)
        {
            Step(budget, null, decoding: 4, slowness: 100);
            budget.Waited(1000);
        }

        Assert.Equal((512, 512, 508), (budget.Tokens, budget.PromptTokens, budget.PromptTokensBeside(4)));
    }

    [Fact]
    public void Prompts_get_no_more_of_a_step_than_the_time_to_the_first_token_asks_for()
    {
        StepBudget budget = new(new LatencyTargets { TimeToFirstToken = TimeSpan.FromSeconds(2) }, Limits);
        const int Prompt = 1000;
        double waited = 0;
        for (int request = 0; request < 60; request++)
        {
            waited = 0;
            for (int done = 0; done < Prompt;)
            {
                int tokens = Math.Min(Prompt - done, budget.PromptTokensBeside(4));
                waited += Costs.Of(tokens + 4, 5, 0);
                done += tokens;
            }

            budget.Waited(waited);
        }

        Assert.InRange(waited, 1.6, 2.4);
    }

    static double Step(StepBudget budget, Random? random, int decoding, double slowness = 1)
    {
        int tokens = decoding + budget.PromptTokensBeside(decoding);
        double noise = random is null ? 1 : 1 + (0.1 * random.NextDouble());
        double seconds = slowness * noise * Costs.Of(tokens, decoding + 1, 0);
        budget.Stepped(new StepFacts(decoding, 0, tokens, seconds));
        return seconds;
    }
}
