using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Logits;

namespace OpenAutoGlm.Engine;

/// <summary>The engine on the CPU backend over golden models: the published continuations, and one answer in every batch.</summary>
[Trait("Matrix", "yes")]
public class GoldenEngineTests
{
    static readonly ImmutableArray<int> Prompt = [.. GoldenModel.Prompt];

    public static TheoryData<string> Plain => LogitTests.Plain;

    // One of each family of formats; the others differ in nothing that the engine sees.
    public static TheoryData<string> Quantised => ["chatglm-w256-Q4_K_M", "glm4-w256-Q8_0", "glm4-w256-Q5_1", "glm4-w256-BF16", "glm4moe-w256-MXFP4_MOE"];

    [Theory]
    [MemberData(nameof(Plain))]
    public void Greedy_ids_are_those_of_the_reference_data(string name)
    {
        using GoldenModel model = GoldenModel.Open(name);
        int[] expected = [.. model.Facts("logits").GetProperty("greedy").EnumerateArray().Select(id => id.GetInt32())];
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        using InferenceEngine engine = new(model.Config, model, backend, new EngineOptions { MaxTokensPerStep = 5, KvFormat = TensorFormat.F32 });
        Assert.Equal(expected, engine.Generate(new SequenceRequest { Prompt = Prompt, MaxTokens = expected.Length }));
    }

    [Theory]
    [MemberData(nameof(Quantised))]
    public void Sampled_ids_are_the_same_alone_and_in_a_crowd_that_preempts(string name)
    {
        using GoldenModel model = GoldenModel.Open(name);
        using CpuBackend backend = new(new CpuOptions { Threads = 2 });
        SequenceRequest[] requests = [.. Enumerable.Range(0, 5).Select(i => new SequenceRequest
        {
            Prompt = [.. Prompt.Skip(i)],
            MaxTokens = 24,
            Sampling = new SamplingOptions { Temperature = 0.3f * i, TopP = 0.9f, Seed = 3, FrequencyPenalty = 0.2f },
        })];
        long block = 16 * model.Config.KvBytesPerToken(TensorFormat.BF16);
        EngineOptions tight = new() { MaxSequences = 5, MaxTokensPerStep = 17, BlockTokens = 16, ContextLength = 48, KvMemoryBytes = 8 * block, CheckInvariants = true };

        // Driven by hand, so that all five are there before the first step and somebody must give way.
        using InferenceEngine crowded = new(ModelRunner.Create(model.Config, model, backend, tight), tight, ownThread: false);
        Sequence[] sequences = [.. requests.Select(crowded.Submit)];
        while (crowded.Turn())
        {
        }

        using InferenceEngine alone = new(model.Config, model, backend, new EngineOptions { MaxSequences = 1, BlockTokens = 16 });
        for (int i = 0; i < requests.Length; i++)
        {
            List<int> together = [];
            while (sequences[i].Events.TryRead(out TokenEvent token))
            {
                together.Add(token.Token);
            }

            Assert.Equal(alone.Generate(requests[i]), together);
        }

        Assert.True(crowded.Statistics.Preemptions > 0, "Nobody was preempted.");
    }
}
