namespace OpenAutoGlm.Optimization.Training;

public sealed class ScheduleTests
{
    [Theory]
    [InlineData("constant", 0.5, 1)]
    [InlineData("cosine:0.1", 0, 1)]
    [InlineData("cosine:0.1", 0.5, 0.55)]
    [InlineData("cosine:0.1", 1, 0.1)]
    [InlineData("linear", 0.25, 0.75)]
    [InlineData("linear:0.2", 1, 0.2)]
    [InlineData("exponential:0.01", 0.5, 0.1)]
    [InlineData("wsd:0.2", 0.8, 1)]
    [InlineData("wsd:0.25", 0.9375, 0.1339746)]
    [InlineData("wsd:0.2", 1, 0)]
    public void A_schedule_has_its_published_values(string text, double progress, double factor)
    {
        Assert.True(Schedule.TryParse(text, out Schedule schedule));
        Assert.Equal(factor, schedule.At(1000, progress), 1e-6);
        Assert.True(Schedule.TryParse(schedule.ToString(), out Schedule again) && again == schedule);
    }

    [Fact]
    public void Steps_fall_by_a_factor_and_warm_up_is_linear()
    {
        Assert.True(Schedule.TryParse("step:100:0.5", out Schedule schedule));
        Assert.Equal([1, 1, 0.5, 0.25], new long[] { 0, 99, 100, 250 }.Select(step => schedule.At(step, 0.5)));
        Schedule warm = schedule with { WarmUp = 10 };
        Assert.Equal([0.1, 0.5, 1, 1], new long[] { 0, 4, 9, 10 }.Select(step => Math.Round(warm.At(step, 0), 12)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("cosine:x")]
    [InlineData("cosine:1.5")]
    [InlineData("wsd:0")]
    [InlineData("step")]
    [InlineData("step:0")]
    [InlineData("constant:1")]
    [InlineData("linear:0.1:2")]
    public void What_is_no_schedule_is_refused(string text) => Assert.False(Schedule.TryParse(text, out _));
}
