using System.Collections.Immutable;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Engine;

/// <summary>An embedding is what the definition says, and the same bits whatever runs beside it.</summary>
public class EmbeddingTests
{
    static readonly TinyModel Model = new();
    static readonly ImmutableArray<int> Prompt = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 32, 38];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_output_projection_of_the_last_hidden_state_has_the_direction_of_the_logits()
    {
        using InferenceEngine engine = Model.Engine();
        Embedding embedding = await engine.EmbedAsync(new SequenceRequest { Prompt = Prompt }, Pooling.Last, Cancellation);
        float[] logits = engine.ComputeLogits(Prompt)[^1];
        Tensor head = Model.Get("output.weight");
        double[] projected = [.. Enumerable.Range(0, logits.Length).Select(row => Dot(head.View.Row(row), embedding.Vector))];
        double scale = logits[0] / projected[0];
        Assert.Equal(Prompt.Length, embedding.Tokens);
        Assert.True(scale > 0);
        for (int i = 0; i < logits.Length; i++)
        {
            Assert.Equal(logits[i], scale * projected[i], 1e-4);
        }
    }

    [Fact]
    public async Task The_mean_is_that_of_the_hidden_states_of_every_prefix()
    {
        // With a weight of one the norm gives every row the length √hidden, so the mean of the rows has the direction of that of the unit vectors.
        TinyModel plain = new();
        plain.Get("output_norm.weight").View.Floats.Fill(1);
        using InferenceEngine unit = plain.Engine();
        double[] sum = new double[unit.Hidden];
        for (int length = 1; length <= Prompt.Length; length++)
        {
            Embedding prefix = await unit.EmbedAsync(new SequenceRequest { Prompt = Prompt[..length] }, Pooling.Last, Cancellation);
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += prefix.Vector[i];
            }
        }

        Embedding mean = await unit.EmbedAsync(new SequenceRequest { Prompt = Prompt }, Pooling.Mean, Cancellation);
        double length2 = Math.Sqrt(sum.Sum(x => x * x));
        Assert.All(Enumerable.Range(0, sum.Length), i => Assert.Equal(sum[i] / length2, mean.Vector[i], 1e-5));
        Assert.Equal(1, mean.Vector.Sum(x => (double)x * x), 1e-6);
        Embedding first = await unit.EmbedAsync(new SequenceRequest { Prompt = Prompt }, Pooling.First, Cancellation);
        Embedding alone = await unit.EmbedAsync(new SequenceRequest { Prompt = Prompt[..1] }, Pooling.Last, Cancellation);
        Assert.Equal(alone.Vector, first.Vector);
    }

    [Theory]
    [InlineData(Pooling.Last)]
    [InlineData(Pooling.Mean)]
    public async Task Beside_others_and_in_chunks_of_any_size_the_bits_are_those_of_alone(Pooling pooling)
    {
        SequenceRequest[] requests = [.. Enumerable.Range(0, 9).Select(i => new SequenceRequest { Prompt = [.. Prompt.Skip(i), i], Retention = i % 2 == 0 ? CacheRetention.None : CacheRetention.Default })];
        foreach (bool isReference in new[] { true, false })
        {
            // The threads of a backend serve one engine at a time.
            using IBackend quietBackend = Backend(isReference);
            using InferenceEngine quiet = new(Model.Config, Model, quietBackend, new EngineOptions { MaxSequences = 1, CheckInvariants = true });
            Embedding[] alone = new Embedding[requests.Length];
            for (int i = 0; i < requests.Length; i++)
            {
                alone[i] = await quiet.EmbedAsync(requests[i], pooling, Cancellation);
            }

            ImmutableArray<int> written = quiet.Generate(new SequenceRequest { Prompt = Prompt, MaxTokens = 40 });
            foreach (int tokens in new[] { 1, 3, 11, 64 })
            {
                using IBackend backend = Backend(isReference);
                using InferenceEngine crowded = new(Model.Config, Model, backend, new EngineOptions { MaxSequences = 4, MaxTokensPerStep = tokens, CheckInvariants = true });
                Task<ImmutableArray<int>> writing = Task.Run(() => crowded.Generate(new SequenceRequest { Prompt = Prompt, MaxTokens = 40 }), Cancellation);
                Embedding[] together = await Task.WhenAll(requests.Select(request => crowded.EmbedAsync(request, pooling, Cancellation)));
                for (int i = 0; i < requests.Length; i++)
                {
                    Assert.Equal(alone[i].Vector, together[i].Vector);
                }

                Assert.Equal(written, await writing);
            }
        }

        static IBackend Backend(bool isReference) => isReference ? new ReferenceInterpreter() : new CpuBackend(new CpuOptions { Threads = 2 });
    }

    [Fact]
    public async Task A_preempted_sequence_is_embedded_to_the_same_bits()
    {
        EngineOptions tight = new() { MaxSequences = 4, BlockTokens = 16, ContextLength = 96, MaxTokensPerStep = 5, KvMemoryBytes = 7 * 16 * Model.Config.KvBytesPerToken(TensorFormat.BF16) };
        SequenceRequest text = new() { Prompt = [.. Enumerable.Range(0, 80).Select(i => (i * 7) % 48)], Priority = 5 };
        using InferenceEngine roomy = Model.Engine();
        Embedding expected = await roomy.EmbedAsync(text, Pooling.Mean, Cancellation);
        using InferenceEngine crowded = Model.Engine(tight);

        // The more urgent one must come in the middle of the text, which a busy machine may be too slow for: then again.
        for (int attempt = 0; attempt < 50 && crowded.Statistics.Preemptions == 0; attempt++)
        {
            long before = crowded.Statistics.PrefilledTokens;
            Task<Embedding> embedding = crowded.EmbedAsync(text with { CacheSalt = $"{attempt}" }, Pooling.Mean, Cancellation);
            while (crowded.Statistics.PrefilledTokens < before + 20)
            {
                await Task.Yield();
            }

            crowded.Generate(new SequenceRequest { Prompt = [.. text.Prompt.Reverse()], MaxTokens = 4 });
            Assert.Equal(expected.Vector, (await embedding).Vector);
        }

        Assert.True(crowded.Statistics.Preemptions > 0, "Nobody was preempted.");
        Assert.Equal(0, crowded.Statistics.UsedKvBlocks);
    }

    [Fact]
    public async Task The_processors_kernels_agree_with_the_reference()
    {
        using ReferenceInterpreter reference = new();
        using CpuBackend cpu = new(new CpuOptions { Threads = 1, ExactArithmetic = true });
        EngineOptions exact = new() { KvFormat = TensorFormat.F32 };
        using InferenceEngine right = new(Model.Config, Model, reference, exact);
        using InferenceEngine fast = new(Model.Config, Model, cpu, exact);
        foreach (Pooling pooling in Enum.GetValues<Pooling>())
        {
            Embedding expected = await right.EmbedAsync(new SequenceRequest { Prompt = Prompt }, pooling, Cancellation);
            Embedding actual = await fast.EmbedAsync(new SequenceRequest { Prompt = Prompt }, pooling, Cancellation);
            Assert.All(Enumerable.Range(0, fast.Hidden), i => Assert.Equal(expected.Vector[i], actual.Vector[i], 1e-4));
        }
    }

    [Fact]
    public void The_plan_that_embeds_shares_the_packed_weights()
    {
        using CpuBackend cpu = new(new CpuOptions { Threads = 1 });
        ModelGraph graph = Models.Architectures.Architecture.Build(Model.Config, Model, new());
        ModelGraph headless = Models.Architectures.Architecture.Build(Model.Config, Model, new() { EndsHidden = true });
        PlanLimits limits = new((Dim.Tokens, 8), (Dim.Sequences, 2), (Dim.Outputs, 2), (Dim.Blocks, 2), (Dim.KvBlocks, 4));
        using Plan first = cpu.Lower(graph, limits);
        long before = cpu.PackedBytesOf(first);
        using Plan second = cpu.LowerBeside(first, headless);
        Assert.True(before > 0);
        Assert.Equal(before, cpu.PackedBytesOf(first));
        Assert.DoesNotContain(second.Graph.Values, value => value.Name is "logits" or "output.weight");
    }

    [Fact]
    public async Task A_prompt_over_the_context_is_refused_with_both_lengths()
    {
        using InferenceEngine engine = Model.Engine(new EngineOptions { ContextLength = 8 });
        RequestRefusedException refusal = await Assert.ThrowsAsync<RequestRefusedException>(() => engine.EmbedAsync(new SequenceRequest { Prompt = Prompt }, Pooling.Last, Cancellation));
        Assert.Equal("The prompt has 13 tokens, but the context holds 8.", refusal.Message);
        await engine.EmbedAsync(new SequenceRequest { Prompt = Prompt[..8] }, Pooling.Last, Cancellation);
    }

    [Fact]
    public async Task Who_gives_up_frees_the_blocks()
    {
        using InferenceEngine engine = Model.Engine(new EngineOptions { MaxTokensPerStep = 1 });
        using CancellationTokenSource gone = new();
        Task<Embedding> embedding = engine.EmbedAsync(new SequenceRequest { Prompt = [.. Enumerable.Repeat(1, 250)] }, Pooling.Mean, gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => embedding);
        Assert.Equal(0, engine.Statistics.UsedKvBlocks);
    }

    [Fact]
    public void Fewer_dimensions_are_of_length_one_again()
    {
        Embedding embedding = new([0.6f, 0f, 0.8f], 2);
        Assert.Equal([1f, 0f], embedding.Shorten(2).Vector);
        Assert.Throws<ArgumentOutOfRangeException>(() => embedding.Shorten(4));
    }

    static double Dot(ReadOnlySpan<float> row, ImmutableArray<float> vector)
    {
        double sum = 0;
        for (int i = 0; i < vector.Length; i++)
        {
            sum += (double)row[i] * vector[i];
        }

        return sum;
    }
}
