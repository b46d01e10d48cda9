using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine;

/// <summary>
/// What an engine is doing and has done. Each number is right by itself; they are read one after another while the
/// engine runs, so they need not fit each other to the last token.
/// </summary>
public sealed record EngineStatistics
{
    /// <summary>Sequences that hold key and value memory.</summary>
    public required int RunningSequences { get; init; }

    /// <summary>Sequences that wait for it.</summary>
    public required int WaitingSequences { get; init; }

    /// <summary>Blocks of key and value memory in use.</summary>
    public required int UsedKvBlocks { get; init; }

    /// <summary>All blocks.</summary>
    public required int TotalKvBlocks { get; init; }

    /// <summary>Steps taken.</summary>
    public required long Steps { get; init; }

    /// <summary>Tokens computed that were given: prompts, and whatever was computed anew after a preemption.</summary>
    public required long PrefilledTokens { get; init; }

    /// <summary>Tokens of prompts that were found in memory, computed by somebody before.</summary>
    public required long CachedTokens { get; init; }

    /// <summary>Tokens generated.</summary>
    public required long GeneratedTokens { get; init; }

    /// <summary>Times that a sequence gave up its blocks for an older one.</summary>
    public required long Preemptions { get; init; }

    /// <summary>Sequences that finished.</summary>
    public required long Finished { get; init; }

    /// <summary>Sequences that failed.</summary>
    public required long Failed { get; init; }

    /// <summary>Sequences that were cancelled.</summary>
    public required long Cancelled { get; init; }

    /// <summary>Requests that were refused.</summary>
    public required long Refused { get; init; }

    /// <summary>Milliseconds of a step: an exponential moving average with weight 1/16 for the newest.</summary>
    public required double StepMs { get; init; }

    /// <summary>Where the time of all steps went.</summary>
    public required StepPhases Phases { get; init; }

    /// <summary>Tokens that were guessed ahead and run.</summary>
    public required long GuessedTokens { get; init; }

    /// <summary>Of these the right ones: each is a step less for its sequence.</summary>
    public required long GuessedRightTokens { get; init; }

    /// <summary>Tokens that a step may have while somebody writes, as the latency targets leave it now.</summary>
    public required int StepTokens { get; init; }

    /// <summary>Of these what prompts may have.</summary>
    public required int StepPromptTokens { get; init; }

    /// <summary>What was found again and what was lost.</summary>
    public required PrefixCacheStatistics Prefixes { get; init; }
}

/// <summary>The parts of steps, in their order, as total times since the engine was made.</summary>
/// <param name="Guess">Guessing tokens ahead.</param>
/// <param name="Plan">Choosing who runs, and finding memory for them.</param>
/// <param name="Run">The model itself.</param>
/// <param name="Choose">Choosing tokens: penalties, masks, sampling.</param>
/// <param name="Commit">The rest: noting what is right, telling readers, ending sequences.</param>
public readonly record struct StepPhases(TimeSpan Guess, TimeSpan Plan, TimeSpan Run, TimeSpan Choose, TimeSpan Commit);
