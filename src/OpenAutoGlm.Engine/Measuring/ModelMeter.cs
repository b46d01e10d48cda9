using System.Diagnostics;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine.Measuring;

/// <summary>How much a <see cref="ModelMeter"/> is to be ready for.</summary>
/// <param name="Sequences">Most sequences in a step.</param>
/// <param name="Tokens">Longest sequence, in tokens.</param>
/// <param name="KvTokens">Most tokens of all sequences of a step together, the computed ones included.</param>
/// <param name="StepTokens">Most tokens that run in a step; longer prompts run in several.</param>
/// <param name="KvFormat">What keys and values are stored in; null for what engines use.</param>
public sealed record MeterLimits(int Sequences, int Tokens, int KvTokens, int StepTokens = 512, TensorFormat? KvFormat = null);

/// <summary>
/// Takes the steps of a model by hand, to time them: any number of sequences at any depth, without computing what comes
/// before. Keys and values that nobody computed are filled with numbers, for speed does not depend on them, only on their
/// being there. Nothing is sampled. Not thread-safe.
/// </summary>
public sealed class ModelMeter : IDisposable
{
    // As float32, float16, bfloat16 and int8 this is a harmless number, and as a scale too.
    const byte Filling = 0x3C;
    const int BlockTokens = 32;

    readonly ModelRunner _runner;
    readonly Sequence[] _sequences;
    readonly Batch _batch;
    readonly int _stepTokens;

    /// <summary>Builds the graph, has the backend lower it and fills the memory for keys and values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The model was made for shorter sequences.</exception>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    public ModelMeter(ModelConfig config, IWeights weights, IBackend backend, MeterLimits limits)
    {
        ModelGraph graph = Architecture.Build(config, weights, new GraphOptions(BlockTokens, limits.KvFormat ?? new GraphOptions().KvFormat));
        Graph = graph;
        KvBytesPerToken = KvLayout.BytesPerToken(graph);
        long blocks = (((long)limits.KvTokens + BlockTokens - 1) / BlockTokens) + limits.Sequences;
        EngineOptions options = new()
        {
            MaxSequences = limits.Sequences,
            MaxTokensPerStep = Math.Max(limits.StepTokens, limits.Sequences),
            ContextLength = limits.Tokens,
            KvMemoryBytes = checked(blocks * BlockTokens * KvBytesPerToken),
            BlockTokens = BlockTokens,
            KvFormat = limits.KvFormat ?? new GraphOptions().KvFormat,
        };
        _runner = ModelRunner.Create(config, weights, backend, options);
        foreach (Tensor state in _runner.Pool.States.Values)
        {
            state.Fill(Filling);
        }

        Random random = new(1);
        _sequences = [.. Enumerable.Range(0, limits.Sequences).Select(i => Made(i, [.. Enumerable.Range(0, limits.Tokens).Select(_ => random.Next(config.Vocab))]))];
        _batch = new Batch(limits.Sequences);
        _stepTokens = options.MaxTokensPerStep;
    }

    /// <summary>The model as its architecture describes it, before any pass.</summary>
    public ModelGraph Graph { get; }

    /// <summary>The plan that runs.</summary>
    public Plan Plan => _runner.Plan;

    /// <summary>Bytes of keys and values that one token adds.</summary>
    public long KvBytesPerToken { get; }

    /// <summary>Reads a prompt behind what is there, in as many steps as it takes; logits for its last token.</summary>
    /// <param name="tokens">Length of the prompt.</param>
    /// <param name="depth">Tokens before it.</param>
    /// <param name="after">Is told of every step of the plan.</param>
    /// <returns>How long it took.</returns>
    public TimeSpan Prefill(int tokens, int depth = 0, Action<PlanStep>? after = null)
    {
        long start = Stopwatch.GetTimestamp();
        for (int done = 0; done < tokens; done += _stepTokens)
        {
            int count = Math.Min(_stepTokens, tokens - done);
            Step(1, depth + done, count, done + count == tokens ? 1 : 0, after);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Writes one token for each of some sequences.</summary>
    /// <param name="sequences">How many sequences.</param>
    /// <param name="depth">Tokens before it, in each.</param>
    /// <param name="after">Is told of every step of the plan.</param>
    /// <returns>How long it took.</returns>
    public TimeSpan Decode(int sequences, int depth, Action<PlanStep>? after = null)
    {
        long start = Stopwatch.GetTimestamp();
        Step(sequences, depth, 1, 1, after);
        return Stopwatch.GetElapsedTime(start);
    }

    /// <inheritdoc/>
    public void Dispose() => _runner.Dispose();

    static Sequence Made(int id, System.Collections.Immutable.ImmutableArray<int> tokens) =>
        new(id, new SequenceRequest { Prompt = tokens, Sampling = SamplingOptions.Greedy }, maxTokens: 1, seed: 0, eventBuffer: 1, _ => { });

    void Step(int sequences, int depth, int count, int outputs, Action<PlanStep>? after)
    {
        _batch.Clear();
        for (int i = 0; i < _sequences.Length; i++)
        {
            Sequence sequence = _sequences[i];
            if (i >= sequences || sequence.Blocks.Count > _runner.Pool.BlocksFor(depth + count))
            {
                _runner.Pool.Release(sequence.Blocks);
            }
        }

        foreach (Sequence sequence in _sequences.AsSpan(0, sequences))
        {
            if (!_runner.Pool.TryGrow(sequence.Blocks, depth + count))
            {
                throw new ArgumentOutOfRangeException(nameof(depth), depth, $"{sequences} sequences of {depth + count} tokens are more than the meter was made for.");
            }

            _batch.Add(sequence, depth, count, outputs);
        }

        _runner.Run(_batch, after);
    }
}
