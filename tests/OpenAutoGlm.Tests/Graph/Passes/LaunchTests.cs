namespace OpenAutoGlm.Graph.Passes;

/// <summary>Kernels launched for a token in published shapes, before and after the passes: at most 52 %.</summary>
public class LaunchTests
{
    [Theory]
    [InlineData("llama-3.2-1b", 292, 82)]
    [InlineData("llama-3.1-8b", 580, 162)]
    [InlineData("qwen2.5-0.5b", 508, 122)]
    [InlineData("qwen3-4b", 724, 182)]
    [InlineData("qwen3-30b-a3b", 1108, 290)]
    [InlineData("glm-edge-1.5b", 508, 142)]
    [InlineData("glm-4-9b-chat", 844, 202)]
    [InlineData("glm-4-9b-0414", 924, 203)]
    [InlineData("glm-4.5-air", 1375, 367)]
    [InlineData("glm4moe-1b", 475, 127)]
    public void A_token_launches_at_most_52_percent_of_the_kernels(string shape, int before, int after)
    {
        PassReport report = new PassPipeline().Run(SmallModel.Published(shape), SmallModel.Limits(512)).Report;
        Assert.Equal((before, after), (report.Before.Kernels, report.After.Kernels));
        Assert.True(report.After.Kernels <= 0.52 * report.Before.Kernels);
        Assert.True(report.After.ArenaBytes <= report.Before.ArenaBytes, report.Print());
    }
}
