using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine;

/// <summary>How much an <see cref="InferenceEngine"/> may take on. Every limit is checked when the engine is made.</summary>
public sealed record EngineOptions
{
    /// <summary>Sequences that run at the same time: 1 to 4,096.</summary>
    public int MaxSequences { get; init; } = 16;

    /// <summary>
    /// Tokens in one step, all sequences together: 1 to 65,536. Sequences that are being decoded come first; what is
    /// left goes to prompts, which are cut into chunks where they are longer.
    /// </summary>
    public int MaxTokensPerStep { get; init; } = 512;

    /// <summary>
    /// Longest sequence in tokens, prompt and answer together; null for the model's own limit. The engine may grant
    /// less where its key and value memory holds less: see <see cref="InferenceEngine.ContextLength"/>.
    /// </summary>
    public int? ContextLength { get; init; }

    /// <summary>
    /// Bytes for keys and values; null for half of the available memory (the control group's limit counts), at most what
    /// all sequences can use, and at most 4 GiB or one sequence of full length.
    /// </summary>
    public long? KvMemoryBytes { get; init; }

    /// <summary>
    /// How many ids the tokenizer has, where the model has more rows of logits: the rest is padding, is never chosen and
    /// refused in requests. Null: every row is a token.
    /// </summary>
    public int? VocabularySize { get; init; }

    /// <summary>Tokens in a block of key and value memory: a multiple of 16 up to 1,024.</summary>
    public int BlockTokens { get; init; } = 32;

    /// <summary>What keys and values are stored in: one of <see cref="KvLayout.Formats"/>. Half of the bytes, half of the time over a long context.</summary>
    public TensorFormat KvFormat { get; init; } = new GraphOptions().KvFormat;

    /// <summary>
    /// Sequences that may wait beyond those that may run; the next is refused: 0 to 1,000,000. So at most
    /// <see cref="MaxSequences"/> + <see cref="QueueLimit"/> sequences are alive.
    /// </summary>
    public int QueueLimit { get; init; } = 256;

    /// <summary>
    /// Token events that a sequence keeps for its reader: 1 to 1,000,000. A reader that falls further behind loses the
    /// sequence (<see cref="CancellationReason.SlowReader"/>), so that nobody else waits for it.
    /// </summary>
    public int EventBuffer { get; init; } = 4096;

    /// <summary>Whether the pure checkers of blocks and sequences run after every step. For tests and for hunting faults.</summary>
    public bool CheckInvariants { get; init; }

    /// <summary>What users should feel: the size of steps follows from it.</summary>
    public LatencyTargets Latency { get; init; } = new();

    /// <summary>
    /// How long an idle engine puts off the first step of a request so that others may join it, unless
    /// <see cref="MaxSequences"/> wait already: up to a minute. Zero, the default, is best where sequences may join at any step, as they may here.
    /// </summary>
    public TimeSpan BatchWindow { get; init; }

    /// <summary>Guessing tokens ahead.</summary>
    public SpeculationOptions Speculation { get; init; } = new();

    /// <summary>What becomes of keys and values that nobody uses at the moment.</summary>
    public PrefixCacheOptions PrefixCache { get; init; } = new();

    /// <summary>Where the seeds of requests without one come from; null for the system's entropy.</summary>
    public ulong? Seed { get; init; }

    /// <summary>The clock for all timings.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Checks every limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names both.</exception>
    internal void Validate()
    {
        Check(nameof(MaxSequences), MaxSequences, 1, 4096);
        Check(nameof(MaxTokensPerStep), MaxTokensPerStep, 1, 65_536);
        Check(nameof(ContextLength), ContextLength ?? 1, 1, int.MaxValue);
        Check(nameof(KvMemoryBytes), KvMemoryBytes ?? 1, 1, long.MaxValue);
        Check(nameof(VocabularySize), VocabularySize ?? 1, 1, int.MaxValue);
        Check(nameof(BlockTokens), BlockTokens, KvLayout.GroupTokens, 1024);
        if (BlockTokens % KvLayout.GroupTokens != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(BlockTokens), BlockTokens, $"{nameof(BlockTokens)} must be a multiple of {KvLayout.GroupTokens}.");
        }

        if (!KvLayout.Formats.Contains(KvFormat))
        {
            throw new ArgumentOutOfRangeException(nameof(KvFormat), KvFormat, $"{nameof(KvFormat)} must be one of {string.Join(", ", KvLayout.Formats)}.");
        }

        Latency.Validate();
        Speculation.Validate();
        Check(nameof(BatchWindow), (long)BatchWindow.TotalMilliseconds, 0, 60_000);
        Check(nameof(QueueLimit), QueueLimit, 0, 1_000_000);
        Check(nameof(EventBuffer), EventBuffer, 1, 1_000_000);
    }

    static void Check(string name, long value, long least, long most)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least} to {most}.");
        }
    }
}
