using System.Text;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Cli;

public sealed class AutoInferenceEngineTests : IDisposable
{
    readonly TemporaryFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task A_shape_becomes_an_engine_and_is_made_only_once()
    {
        AutoInferenceOptions options = Options();
        await using (AutoInferenceEngine engine = AutoInferenceEngine.FromPretrained("synth:llama-tiny", options))
        {
            Assert.True(engine.CanChat);
            string answer = await engine.GenerateAsync("Hello", SamplingOptions.Greedy, maxTokens: 6, TestContext.Current.CancellationToken);
            StringBuilder streamed = new();
            await foreach (string piece in engine.StreamAsync("Hello", SamplingOptions.Greedy, maxTokens: 6, TestContext.Current.CancellationToken))
            {
                streamed.Append(piece);
            }

            Assert.Equal(answer, streamed.ToString());
            Assert.IsType<GenerationPrompt.Chat>(engine.Ask("Hello", "Be brief."));
        }

        Assert.Equal(0, _cache.OpenMappings);
        string file = Assert.Single(Directory.GetFiles(_cache.Root, "*", SearchOption.AllDirectories));
        DateTime written = File.GetLastWriteTimeUtc(file);
        await using AutoInferenceEngine again = await AutoInferenceEngine.FromPretrainedAsync("synth:llama-tiny:q8_0", options, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(written, File.GetLastWriteTimeUtc(file));
    }

    [Fact]
    public async Task A_second_start_maps_the_plan_of_the_first_a_damaged_one_is_made_anew_and_all_answer_the_same()
    {
        AutoInferenceOptions options = Options() with { Plan = PlanPlace.At(_cache.File("tiny.autoglm-plan")), TuningBudget = TimeSpan.FromMilliseconds(50) };
        List<(PlanFileOutcome Outcome, string Answer)> starts = [];
        for (int start = 0; start < 4; start++)
        {
            if (start == 3)
            {
                // The data begin at 2 MiB; kernels have been given them before the damage is found.
                using FileStream plan = File.OpenWrite(_cache.File("tiny.autoglm-plan"));
                plan.Position = (2 << 20) + 100;
                plan.WriteByte(0xA5);
                plan.WriteByte(0x5A);
            }

            await using AutoInferenceEngine engine = AutoInferenceEngine.FromPretrained("synth:llama-tiny", start != 2 ? options : options with { Plan = PlanPlace.Nowhere });
            string answer = await engine.GenerateAsync("Hello", SamplingOptions.Greedy, maxTokens: 6, TestContext.Current.CancellationToken);
            starts.Add((Assert.IsType<CpuBackend>(engine.Backend).PlanFile!.Outcome, answer));
        }

        // The search for the fastest kernels at the first load has written the plan, and the engine maps it.
        Assert.Equal([PlanFileOutcome.Mapped, PlanFileOutcome.Mapped, PlanFileOutcome.None, PlanFileOutcome.Written], starts.Select(start => start.Outcome));
        Assert.Single(starts.Select(start => start.Answer).Distinct());
        Assert.True(File.Exists(_cache.File("tuning.json")));
        Assert.Equal(0, _cache.OpenMappings);
    }

    [Fact]
    public async Task A_deployed_model_answers_until_it_is_told_to_stop()
    {
        await using AutoInferenceEngine engine = AutoInferenceEngine.FromPretrained("synth:llama-tiny", Options());
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task serving = engine.DeployAsync(port: 0, cancellation: stop.Token);
        Assert.False(serving.IsCompleted);
        await stop.CancelAsync();
        await serving.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("synth:glm5-tiny", "no shape 'glm5-tiny'")]
    [InlineData("synth:glm4-tiny:Q9", "not made in the format 'Q9'")]
    [InlineData("no-such-folder", "'no-such-folder' is no file or folder in ")]
    [InlineData("nobody/nothing", "nobody/nothing")]
    public async Task What_cannot_be_found_is_refused_with_what_was_tried(string name, string message)
    {
        Exception refusal = await Assert.ThrowsAnyAsync<Exception>(() => ModelLocator.LocateAsync(name, Options().Hub, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains(message, refusal.Message);
    }

    AutoInferenceOptions Options() => new()
    {
        Hub = new HubOptions { CacheFolder = _cache.Root, IsOffline = true },
        Cpu = new Cpu.CpuOptions { Threads = 1 },
        Engine = new Engine.EngineOptions { ContextLength = 256, MaxTokensPerStep = 64 },
    };
}
