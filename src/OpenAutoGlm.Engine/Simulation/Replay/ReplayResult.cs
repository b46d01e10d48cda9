using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Simulation.Replay;

/// <summary>What became of one request of a trace. Times are virtual and count from its arrival.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="OutputTokens">Tokens that were written.</param>
/// <param name="CachedTokens">Tokens of the prompt that were found in memory.</param>
/// <param name="ReusableTokens">Tokens of the prompt that a memory without end would have held.</param>
/// <param name="TimeToFirstToken">From its arrival to its first token.</param>
/// <param name="EndToEnd">From its arrival to its last.</param>
/// <param name="Refusal">Why it was refused; null where it was served.</param>
public readonly record struct ReplayedRequest(
    int PromptTokens, int OutputTokens, int CachedTokens, int ReusableTokens, TimeSpan TimeToFirstToken, TimeSpan EndToEnd, RefusalReason? Refusal)
{
    /// <summary>Time for each token after the first; null where there is none.</summary>
    public TimeSpan? TimePerOutputToken => OutputTokens > 1 ? (EndToEnd - TimeToFirstToken) / (OutputTokens - 1) : null;
}

/// <summary>What a replay came to.</summary>
public sealed record ReplayResult
{
    /// <summary>How the engine was set up.</summary>
    public required ReplayPolicy Policy { get; init; }

    /// <summary>Every request, in the order of arrival.</summary>
    public required ImmutableArray<ReplayedRequest> Requests { get; init; }

    /// <summary>Virtual time from the first arrival to the last end.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Virtual time that steps took; the rest of <see cref="Duration"/> there was nothing to do.</summary>
    public required TimeSpan Busy { get; init; }

    /// <summary>Steps taken.</summary>
    public required long Steps { get; init; }

    /// <summary>Times that a sequence gave up its blocks for another.</summary>
    public required long Preemptions { get; init; }

    /// <summary>Prompt tokens that were computed, again after a preemption too.</summary>
    public required long PrefilledTokens { get; init; }

    /// <summary>Sequences in a step, on average over the time of steps.</summary>
    public required double MeanSequences { get; init; }

    /// <summary>Part of the memory that sequences held, on average over the time of steps.</summary>
    public required double MeanKvUse { get; init; }

    /// <summary>Greatest part of the memory that sequences held.</summary>
    public required double MostKvUse { get; init; }

    /// <summary>
    /// Fragmentation: of the token places in blocks that sequences held, the part behind their last token, where nothing
    /// stands; on average over the time of steps.
    /// </summary>
    public required double Fragmentation { get; init; }

    /// <summary>Of those places the part that is set aside for tokens of prompts that have not been read yet; on average over the time of steps.</summary>
    public required double Reserved { get; init; }
}
