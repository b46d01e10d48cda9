namespace OpenAutoGlm.Engine;

/// <summary>Why a sequence ended.</summary>
public enum FinishReason
{
    /// <summary>It came to a stop token, or its text to a stop string.</summary>
    Stop,

    /// <summary>It has as many tokens as were asked for, or as the context holds.</summary>
    Length,

    /// <summary>It was cancelled: see <see cref="SequenceOutcome.Cancellation"/>.</summary>
    Cancelled,

    /// <summary>Its step failed: see <see cref="SequenceOutcome.Error"/>.</summary>
    Failed,
}

/// <summary>Who cancelled a sequence.</summary>
public enum CancellationReason
{
    /// <summary>Nobody.</summary>
    None,

    /// <summary>The caller, by <see cref="Sequence.Cancel"/>.</summary>
    Caller,

    /// <summary>The engine, because nobody read the events: see <see cref="EngineOptions.EventBuffer"/>.</summary>
    SlowReader,

    /// <summary>The engine, because it was disposed.</summary>
    EngineStopped,

    /// <summary>The engine, because its time was up: see <see cref="SequenceRequest.Timeout"/>.</summary>
    Deadline,
}

/// <summary>How a sequence ended, and what it took.</summary>
/// <param name="Reason">Why it ended.</param>
/// <param name="Usage">Tokens read and written.</param>
/// <param name="Timings">Where the time went.</param>
public sealed record SequenceOutcome(FinishReason Reason, TokenUsage Usage, SequenceTimings Timings)
{
    /// <summary>Who cancelled it, where it was cancelled.</summary>
    public CancellationReason Cancellation { get; init; }

    /// <summary>The token that stopped it; null where none did.</summary>
    public int? StopToken { get; init; }

    /// <summary>What went wrong, where it failed.</summary>
    public Exception? Error { get; init; }
}

/// <summary>Tokens that a request read and wrote.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CompletionTokens">Generated tokens, the stop token included.</param>
/// <param name="CachedTokens">Tokens of the prompt that were not computed, because their keys and values were there.</param>
public readonly record struct TokenUsage(int PromptTokens, int CompletionTokens, int CachedTokens = 0);

/// <summary>Where the time of a sequence went. All of it is zero for what did not happen.</summary>
/// <param name="Queue">From submission until it was first scheduled.</param>
/// <param name="Prefill">From then until its first token.</param>
/// <param name="Decode">From the first token to the last.</param>
/// <param name="DecodedTokens">Tokens after the first.</param>
public readonly record struct SequenceTimings(TimeSpan Queue, TimeSpan Prefill, TimeSpan Decode, int DecodedTokens)
{
    /// <summary>From submission to the first token.</summary>
    public TimeSpan TimeToFirstToken => Queue + Prefill;

    /// <summary>Tokens per second after the first; 0 where there are none.</summary>
    public double DecodeTokensPerSecond => Decode > TimeSpan.Zero ? DecodedTokens / Decode.TotalSeconds : 0;
}

/// <summary>A sequence whose step failed, or whose logits were no numbers.</summary>
public sealed class SequenceFailedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// A sequence that was cancelled before it finished. No <see cref="OperationCanceledException"/>: channels and tasks
/// replace those by their own, and the reason would be lost.
/// </summary>
public sealed class SequenceCancelledException(CancellationReason reason, string message) : Exception(message)
{
    /// <summary>Who cancelled it.</summary>
    public CancellationReason Reason { get; } = reason;
}
