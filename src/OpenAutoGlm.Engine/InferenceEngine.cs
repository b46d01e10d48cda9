using System.Collections.Immutable;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine;

/// <summary>
/// Runs many sequences over one model: a bounded inbox, one thread that takes steps, a channel of tokens for every
/// sequence. It knows token ids only; <see cref="Generation.TextGenerator"/> knows text.
/// </summary>
public sealed class InferenceEngine : IDisposable
{
    /// <summary>
    /// Builds the model's graph, has the backend lower it, reserves key and value memory and starts the thread. Weights
    /// and backend must live longer than the engine; both stay the caller's.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or its memory holds no block.</exception>
    /// <exception cref="NotSupportedException">The architecture or a format is not supported.</exception>
    /// <exception cref="Models.ModelFormatException">A weight is missing or has the wrong shape.</exception>
    public InferenceEngine(ModelConfig config, IWeights weights, IBackend backend, EngineOptions? options = null)
    {
        (_, _, _) = (config, weights, backend);
        Options = options ?? new EngineOptions();
        throw new NotSupportedException();
    }

    /// <summary>The options as given.</summary>
    public EngineOptions Options { get; }

    /// <summary>Ids are 0 … this − 1.</summary>
    public int Vocab => throw new NotSupportedException();

    /// <summary>Longest sequence in tokens, prompt and answer together: what was asked for, the model allows and the memory holds.</summary>
    public int ContextLength => throw new NotSupportedException();

    /// <summary>Bytes of key and value memory.</summary>
    public long KvBytes => throw new NotSupportedException();

    /// <summary>What the engine is doing and has done. From any thread, at any time.</summary>
    public EngineStatistics Statistics => throw new NotSupportedException();

    /// <summary>The plan that runs, as text.</summary>
    public string PrintPlan() => throw new NotSupportedException();

    /// <summary>Accepts a request or refuses it at once. From any thread.</summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now; nothing of it is kept.</exception>
    public Sequence Submit(SequenceRequest request) => throw new NotSupportedException();

    /// <summary>
    /// Logits after every token of a sequence: [ids, vocab]. Runs through the same queue, scheduler and steps as everything else.
    /// </summary>
    /// <exception cref="RequestRefusedException">The ids are none, too many or not of the vocabulary.</exception>
    /// <exception cref="SequenceFailedException">The step failed.</exception>
    public float[][] ComputeLogits(ImmutableArray<int> ids) => throw new NotSupportedException();

    /// <summary>Continues a prompt and waits for all of it: the generated tokens, a stop token included.</summary>
    /// <exception cref="RequestRefusedException">The request was refused.</exception>
    /// <exception cref="SequenceFailedException">The step failed.</exception>
    public ImmutableArray<int> Generate(SequenceRequest request) => throw new NotSupportedException();

    /// <summary>Refuses new requests from now on, and completes when the last accepted one has ended.</summary>
    public Task DrainAsync() => throw new NotSupportedException();

    /// <summary>Cancels what is alive (<see cref="CancellationReason.EngineStopped"/>), waits for the thread and frees the memory.</summary>
    public void Dispose() => throw new NotSupportedException();
}
