using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>Something that happened to one choice of a generation.</summary>
/// <param name="Choice">Its index, from 0.</param>
public abstract record GenerationEvent(int Choice);

/// <summary>More text of a choice: whole characters, nothing of a stop string. May be empty where only tokens are told.</summary>
/// <param name="Choice">Its index.</param>
/// <param name="Text">What to append.</param>
public sealed record TextDelta(int Choice, string Text) : GenerationEvent(Choice)
{
    /// <summary>
    /// The tokens that were generated since the last event, one entry each, where log probabilities were asked for;
    /// otherwise empty.
    /// </summary>
    public ImmutableArray<GeneratedToken> Tokens { get; init; } = [];
}

/// <summary>More of what a choice thinks, where <see cref="GenerationRequest.Thinking"/> sets that apart from the answer. No tags.</summary>
/// <param name="Choice">Its index.</param>
/// <param name="Text">What to append.</param>
public sealed record ThinkingDelta(int Choice, string Text) : GenerationEvent(Choice)
{
    /// <inheritdoc cref="TextDelta.Tokens"/>
    public ImmutableArray<GeneratedToken> Tokens { get; init; } = [];
}

/// <summary>
/// More of a call that the model makes of a tool. The first event of a call has its id and name; all texts of
/// arguments together are one JSON object.
/// </summary>
/// <param name="Choice">Its index.</param>
/// <param name="Call">Which call of the choice, from 0.</param>
/// <param name="Arguments">What to append to the call's arguments.</param>
public sealed record ToolCallDelta(int Choice, int Call, string Arguments) : GenerationEvent(Choice)
{
    /// <summary>The call's id; null after its first event.</summary>
    public string? Id { get; init; }

    /// <summary>The tool's name; null after its first event.</summary>
    public string? Name { get; init; }

    /// <inheritdoc cref="TextDelta.Tokens"/>
    public ImmutableArray<GeneratedToken> Tokens { get; init; } = [];
}

/// <summary>The last event of a choice.</summary>
/// <param name="Choice">Its index.</param>
/// <param name="Reason">Why it ended.</param>
/// <param name="Usage">Tokens read and written. Every choice counts the prompt; who adds choices up counts it once.</param>
/// <param name="Timings">Where its time went.</param>
public sealed record ChoiceFinished(int Choice, FinishReason Reason, TokenUsage Usage, SequenceTimings Timings) : GenerationEvent(Choice)
{
    /// <summary>How many tools it called.</summary>
    public int ToolCalls { get; init; }

    /// <summary>The stop string that ended it; null where none did.</summary>
    public string? StopString { get; init; }

    /// <summary>The stop token that ended it; null where none did.</summary>
    public int? StopToken { get; init; }

    /// <summary>Who cancelled it, where it was cancelled.</summary>
    public CancellationReason Cancellation { get; init; }

    /// <summary>What went wrong, where it failed.</summary>
    public Exception? Error { get; init; }
}

/// <summary>A generated token with its probability and those of its rivals.</summary>
/// <param name="Token">The chosen token.</param>
/// <param name="Top">The most likely tokens at its place, most likely first.</param>
public sealed record GeneratedToken(TokenText Token, ImmutableArray<TokenText> Top);

/// <summary>A token as text and as bytes.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">Its bytes as UTF-8, with U+FFFD for what is not.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Logprob">Its natural log probability.</param>
public readonly record struct TokenText(int Id, string Text, ImmutableArray<byte> Bytes, float Logprob);
