using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm.Cli;

public sealed class PretrainedLoaderTests : IDisposable
{
    readonly TemporaryFolder _cache = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task What_a_load_takes_is_known_before_it()
    {
        List<LoadProgress> stages = [];
        int opened = 0;
        PretrainedLoader loader = new("synth:llama-tiny", Options(), sharedMemoryBytes: 1L << 30) { Opened = _ => opened++ };
        Assert.Null(loader.Known);
        ModelFacts facts = await loader.PrepareAsync(new Recorder(stages), Cancellation);
        await using (LoadedModel loaded = await loader.LoadAsync(new Recorder(stages), Cancellation))
        {
            Assert.Equal((facts.MemoryBytes, facts.ContextLength, 1), (loaded.MemoryBytes, loaded.ContextLength, opened));
        }

        Assert.Equal(0, _cache.OpenMappings);
        Assert.Equal(["looking", "weights", "tokenizer"], stages.Select(progress => progress.Stage).Distinct());
        Assert.Equal(1, stages.Max(progress => progress.Fraction));
        PretrainedLoader file = new(Directory.GetFiles(_cache.Root, "*.gguf", SearchOption.AllDirectories).Single(), Options(), sharedMemoryBytes: 1L << 30);
        Assert.Equal(facts, file.Known);
    }

    [Fact]
    public async Task Keys_and_values_leave_room_for_other_models()
    {
        ModelFacts alone = await new PretrainedLoader("synth:glm4-tiny", Options()).PrepareAsync(new Recorder([]), Cancellation);
        ModelFacts shared = await new PretrainedLoader("synth:glm4-tiny", Options(), sharedMemoryBytes: 100 << 20).PrepareAsync(new Recorder([]), Cancellation);
        ModelFacts asked = await new PretrainedLoader("synth:glm4-tiny", Options(kvBytes: 1 << 20), sharedMemoryBytes: 100 << 20).PrepareAsync(new Recorder([]), Cancellation);
        Assert.True(asked.MemoryBytes < shared.MemoryBytes && shared.MemoryBytes <= alone.MemoryBytes, $"{asked} {shared} {alone}");
    }

    [Fact]
    public async Task A_load_that_nobody_wants_any_more_ends_between_two_weights_and_leaves_nothing()
    {
        using CancellationTokenSource gone = new();
        PretrainedLoader loader = new("synth:llama-tiny", Options())
        {
            Progressed = progress =>
            {
                if (progress.Fraction > 0.3)
                {
                    gone.Cancel();
                }
            },
        };
        await loader.PrepareAsync(new Recorder([]), gone.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loader.LoadAsync(new Recorder([]), gone.Token));
        await UntilAsync(() => _cache.OpenMappings == 0);
    }

    [Theory]
    [InlineData("kv.bin", "glm-4", "kv-glm-4.bin")]
    [InlineData("/a/kv", "glm-4.5", "/a/kv-glm-4.5")]
    public void Every_model_has_a_file_of_its_own(string path, string name, string file) => Assert.Equal(file, PretrainedLoader.NamedFile(path, name));

    [Fact]
    public void Names_that_no_file_can_have_do_not_meet_in_one()
    {
        string[] files = [.. new[] { "org/a", "org-a", "org a", "../a", new string('a', 200), new string('a', 201) }.Select(name => PretrainedLoader.NamedFile("kv.bin", name))];
        Assert.Equal(files.Length, files.Distinct().Count());
        Assert.All(files, file => Assert.Equal(file, Path.GetFileName(file)));
    }

    AutoInferenceOptions Options(long? kvBytes = null) => new()
    {
        Cpu = new CpuOptions { Threads = 1, PinThreads = false },
        Plan = PlanPlace.Nowhere,
        TuningBudget = TimeSpan.Zero,
        Hub = HubOptions.FromEnvironment() with { CacheFolder = _cache.Root },
        Engine = new EngineOptions { KvMemoryBytes = kvBytes },
    };

    static async Task UntilAsync(Func<bool> condition)
    {
        for (int tries = 0; !condition(); tries++)
        {
            Assert.True(tries < 500, "It did not come true within five seconds.");
            await Task.Delay(10, Cancellation);
        }
    }

    sealed class Recorder(List<LoadProgress> stages) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            lock (stages)
            {
                stages.Add(value);
            }
        }
    }
}
