using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>
/// What is counted of one model, by its id: it outlives the model's engine, so that counters go on where a model is
/// unloaded and loaded again. From any thread, without locks and without allocating.
/// </summary>
sealed class ModelMetrics(string id, TimeProvider time)
{
    /// <summary>How a choice can end, as vLLM calls it; in the order of <see cref="FinishReason"/>.</summary>
    public static readonly string[] FinishReasons = ["stop", "length", "abort", "error"];

    readonly long[] _finished = new long[FinishReasons.Length];
    long _promptTokens;
    long _completionTokens;
    long _refused;

    public string Id => id;

    public TimeProvider Time => time;

    /// <summary>Reads the engine that runs the model now; null in itself or as its result where none does.</summary>
    public Func<InferenceEngine?>? Engine { get; set; }

    /// <summary>From the start of a run, template and tokenizer included, to its first event.</summary>
    public Histogram TimeToFirstToken { get; } = new(HistogramBuckets.RequestSeconds);

    /// <summary>Between two events of a choice, which is mostly one token, when they are handed to the connection.</summary>
    public Histogram InterToken { get; } = new(HistogramBuckets.TokenSeconds);

    /// <summary>Mean time of a token after the first, one value for each choice.</summary>
    public Histogram TimePerToken { get; } = new(HistogramBuckets.TokenSeconds);

    /// <summary>From the start of a run to the end of its last choice.</summary>
    public Histogram EndToEnd { get; } = new(HistogramBuckets.RequestSeconds);

    public Histogram Queue { get; } = new(HistogramBuckets.RequestSeconds);

    public Histogram Prefill { get; } = new(HistogramBuckets.RequestSeconds);

    public Histogram Decode { get; } = new(HistogramBuckets.RequestSeconds);

    public Histogram PromptLength { get; } = new(HistogramBuckets.Tokens);

    public Histogram CompletionLength { get; } = new(HistogramBuckets.Tokens);

    /// <summary>Tokens of all prompts that were accepted.</summary>
    public long PromptTokens => Volatile.Read(ref _promptTokens);

    /// <summary>Tokens of all choices that have ended; the engine's own count also has those that run.</summary>
    public long CompletionTokens => Volatile.Read(ref _completionTokens);

    /// <summary>Runs that the engine refused.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Choices that ended for a reason.</summary>
    public long Finished(FinishReason reason) => Volatile.Read(ref _finished[(int)reason]);

    public void CountPrompt(int tokens)
    {
        Interlocked.Add(ref _promptTokens, tokens);
        PromptLength.Observe(tokens);
    }

    public void CountRefusal() => Interlocked.Increment(ref _refused);

    /// <summary>Counts a choice that nobody waited for.</summary>
    public void CountAbandoned() => Interlocked.Increment(ref _finished[(int)FinishReason.Cancelled]);

    public void CountFinished(ChoiceFinished finished)
    {
        Interlocked.Increment(ref _finished[(int)finished.Reason]);
        Interlocked.Add(ref _completionTokens, finished.Usage.CompletionTokens);
        if (finished.Reason is not (FinishReason.Stop or FinishReason.Length))
        {
            return;
        }

        CompletionLength.Observe(finished.Usage.CompletionTokens);
        SequenceTimings timings = finished.Timings;
        Queue.Observe(timings.Queue);
        Prefill.Observe(timings.Prefill);
        Decode.Observe(timings.Decode);
        if (timings.DecodedTokens > 0)
        {
            TimePerToken.Observe(timings.Decode / timings.DecodedTokens);
        }
    }
}
