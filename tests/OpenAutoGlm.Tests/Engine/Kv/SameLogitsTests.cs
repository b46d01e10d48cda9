using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>A real model says the same, to the bit, whether its keys and values were computed, found, read from a file or partly forgotten.</summary>
public sealed class SameLogitsTests : IDisposable
{
    static readonly TinyModel Model = new();

    readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public static TheoryData<TensorFormat> Formats => [TensorFormat.F32, TensorFormat.F16, TensorFormat.BF16];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Formats))]
    public void What_was_found_in_memory_or_in_a_file_gives_the_same_logits(TensorFormat format)
    {
        int[][] prompts = [.. Enumerable.Range(0, 6).Select(i => Prompt(i, 70))];
        float[][] expected;
        using (ModelRunner runner = Runner(new CpuBackend(new CpuOptions { Threads = 2 }), format))
        using (KvMemory memory = new(runner.Pool))
        {
            expected = [.. prompts.Select(prompt => Logits(runner, memory, prompt))];
            Assert.Equal(0, memory.Statistics.TokensHit);
        }

        PrefixCacheOptions options = new() { StorePath = Path.Combine(_folder, "store"), ModelIdentity = "tiny" };
        for (int life = 0; life < 2; life++)
        {
            using ModelRunner runner = Runner(new CpuBackend(new CpuOptions { Threads = 1 }), format);
            using KvMemory memory = new(runner.Pool, options);
            for (int round = 0; round < 2; round++)
            {
                for (int i = 0; i < prompts.Length; i++)
                {
                    Assert.Equal(expected[i], Logits(runner, memory, prompts[i]));
                    Assert.Equal(expected[i], Logits(runner, memory, prompts[i]));
                }
            }

            PrefixCacheStatistics statistics = memory.Statistics;
            Assert.Null(statistics.Store!.Problem);
            Assert.Equal(((life * 6) + 18) * 64, statistics.TokensHit);
            Assert.True(statistics.TokensPromoted >= 6 * 64 * life, $"{statistics}");
        }
    }

    [Theory]
    [InlineData(20)]
    [InlineData(33)]
    public void What_a_window_has_passed_can_be_forgotten(int window)
    {
        int[] prompt = Prompt(1, 150);
        foreach (IBackend backend in (IBackend[])[new ReferenceInterpreter(), new CpuBackend(new CpuOptions { Threads = 2 })])
        {
            using ModelRunner roomy = Runner(backend, TensorFormat.BF16, window, blocks: 12);
            Assert.Equal(window, roomy.Limits.Window);
            float[] expected = Logits(roomy, new KvMemory(roomy.Pool), prompt);
            using ModelRunner runner = Runner(backend, TensorFormat.BF16, window, blocks: 12);
            KvMemory memory = new(runner.Pool, new PrefixCacheOptions(), window);
            Logits(runner, memory, Prompt(2, 150), forget: true);
            Assert.Equal(expected, Logits(runner, memory, prompt, forget: true));

            // And what is left of it in the cache, the end of it that the window still sees, is enough.
            Assert.Equal(expected, Logits(runner, memory, prompt, forget: true));
            Assert.Equal(144, memory.Statistics.TokensHit);
        }
    }

    [Fact]
    public void An_engine_goes_on_with_what_the_last_one_left()
    {
        SequenceRequest[] requests = [.. Enumerable.Range(0, 5).Select(i => new SequenceRequest { Prompt = [.. Prompt(i, 70)], MaxTokens = 20 })];
        int[][] expected;
        using (InferenceEngine engine = Model.Engine(new EngineOptions { PrefixCache = new PrefixCacheOptions { Enabled = false } }))
        {
            expected = [.. requests.Select(request => engine.Generate(request).ToArray())];
        }

        EngineOptions options = new()
        {
            BlockTokens = 16,
            MaxSequences = 2,
            ContextLength = 96,
            KvMemoryBytes = 8 * 16 * Model.Config.KvBytesPerToken(TensorFormat.BF16),
            PrefixCache = new PrefixCacheOptions { StorePath = Path.Combine(_folder, "store"), ModelIdentity = "tiny" },
        };
        for (int life = 0; life < 3; life++)
        {
            using InferenceEngine engine = Model.Engine(options);
            for (int i = 0; i < requests.Length; i++)
            {
                Assert.Equal(expected[i], engine.Generate(requests[i]));
            }

            PrefixCacheStatistics statistics = engine.Statistics.Prefixes;
            Assert.Null(statistics.Store!.Problem);
            Assert.Equal(0, statistics.Store.Damaged);
            Assert.True(statistics.TokensPromoted >= (life == 0 ? 0 : 5 * 64), $"{statistics}");
        }
    }

    static ModelRunner Runner(IBackend backend, TensorFormat format, int window = 0, int blocks = 7)
    {
        ModelConfig config = Model.Config with { SlidingWindow = window };
        EngineOptions options = new() { BlockTokens = 16, MaxTokensPerStep = 32, KvFormat = format, KvMemoryBytes = blocks * 16 * config.KvBytesPerToken(format), MaxSequences = 2 };
        return ModelRunner.Create(config, Model, backend, options);
    }

    static float[] Logits(ModelRunner runner, KvMemory memory, int[] tokens, bool forget = false)
    {
        Sequence sequence = new(1, new SequenceRequest { Prompt = [.. tokens] }, 1, 0, 10, _ => { });
        int computed = memory.Attach(sequence.Blocks, tokens, default);
        while (computed < tokens.Length)
        {
            int count = Math.Min(7, tokens.Length - computed);
            Assert.True(memory.TryGrow(sequence.Blocks, computed + count));
            Batch batch = new(1);
            batch.Add(sequence, computed, count, 1);
            runner.Run(batch);
            computed += count;
            memory.Keep(sequence.Blocks, tokens.AsSpan(0, computed), default);
            if (forget)
            {
                memory.Forget(sequence.Blocks, computed - runner.Limits.Window + 1);
            }

            memory.CheckInvariants([sequence.Blocks]);
        }

        float[] logits = runner.Logits(0).ToArray();
        memory.Release(sequence.Blocks);
        return logits;
    }

    static int[] Prompt(int seed, int count)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(48))];
    }
}
