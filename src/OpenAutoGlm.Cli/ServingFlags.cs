using System.CommandLine;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Engine.Speculation;

namespace OpenAutoGlm.Cli;

/// <summary>The flags that say how an engine serves many: how much at once, how soon, and what it may guess and keep.</summary>
sealed class ServingFlags
{
    readonly Option<int?> _sequences = Flags.Int("--max-num-seqs", "Sequences that run at the same time. Default: 16.", 1, 4096);
    readonly Option<int?> _batchedTokens = Flags.Int("--max-num-batched-tokens", "Tokens in one step, all sequences together. Default: 512.", 1, 65_536);
    readonly Option<int?> _queue = Flags.Int("--max-queue", "Requests that may wait beyond those that run; the next is refused with 429. Default: 256.", 0, 1_000_000);
    readonly Option<TimeSpan?> _firstToken = Flags.Time("--target-ttft", "Time from a request to its first token that 99 of 100 should keep; prompts get as much of each step as that takes. Default: as soon as possible.");
    readonly Option<TimeSpan?> _perToken = Flags.Time("--target-tpot", "Time between two tokens of an answer that 99 of 100 should keep, whatever prompts are read meanwhile; steps get smaller until it holds. Default: none.");
    readonly Option<TimeSpan?> _window = Flags.Time("--batch-window", "How long an idle engine waits for more requests before it begins. Default: 0ms, for requests may join at any step.");
    readonly Option<string?> _speculate = Flags.OneOf("--speculate", "Where tokens are guessed ahead, to be checked in one step; answers stay the same. Default: lookup (what followed the same words before, in the request or in earlier answers), or draft with --draft-model.", "off", "lookup", "draft");
    readonly Option<int?> _guesses = Flags.Int("--max-guesses", "Most tokens guessed ahead for a sequence. Default: 12.", 1, 32);
    readonly Option<int?> _guessMemory = Flags.Int("--guess-memory", "Tokens of earlier answers that lookup remembers, about 130 bytes each; answers to another cache_salt are never looked at. 0: only the request itself. Default: 65536.", 0, SpeculationOptions.MostRemembered);
    readonly Option<string?> _prefixes = Flags.OneOf("--prefix-cache", "Whether requests that begin alike share what was computed once. Default: on.", "on", "off");
    readonly Option<long?> _storeSize = Flags.Bytes("--prefix-cache-size", "Most bytes of --prefix-cache-file. Default: 16G.");

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_sequences, _batchedTokens, _queue, _firstToken, _perToken, _window, _speculate, DraftModel, _guesses, _guessMemory, _prefixes, StoreFile, _storeSize];

    /// <summary>A second tier.</summary>
    public Option<string?> StoreFile { get; } = Flags.Text("--prefix-cache-file", "path", "A file for keys and values that give way in memory, where reading them is faster than computing them again; it outlives the server and serves the next.");

    /// <summary>A model that guesses.</summary>
    public Option<string?> DraftModel { get; } = Flags.Text("--draft-model", "model", "A smaller model with the same vocabulary that guesses tokens ahead.");

    /// <summary>What they say.</summary>
    public EngineOptions Read(ParseResult arguments)
    {
        string? draft = arguments.GetValue(DraftModel);
        GuessSource source = arguments.GetValue(_speculate) switch
        {
            "off" => GuessSource.None,
            "lookup" => GuessSource.Lookup,
            "draft" => GuessSource.DraftModel,
            _ => draft is null ? GuessSource.Lookup : GuessSource.DraftModel,
        };
        if ((source == GuessSource.DraftModel) != (draft is not null))
        {
            throw CommandFailedException.Usage(draft is null ? "--speculate draft needs --draft-model" : "--draft-model is given, but --speculate says otherwise: leave it out, or say draft");
        }

        EngineOptions standard = new();
        return standard with
        {
            MaxSequences = arguments.GetValue(_sequences) ?? standard.MaxSequences,
            MaxTokensPerStep = arguments.GetValue(_batchedTokens) ?? standard.MaxTokensPerStep,
            QueueLimit = arguments.GetValue(_queue) ?? standard.QueueLimit,
            Latency = new LatencyTargets { TimeToFirstToken = arguments.GetValue(_firstToken), TimePerToken = arguments.GetValue(_perToken) },
            BatchWindow = arguments.GetValue(_window) ?? TimeSpan.Zero,
            Speculation = new SpeculationOptions
            {
                Source = source,
                MaxGuesses = arguments.GetValue(_guesses) ?? standard.Speculation.MaxGuesses,
                RememberedTokens = arguments.GetValue(_guessMemory) ?? standard.Speculation.RememberedTokens,
            },
            PrefixCache = standard.PrefixCache with
            {
                Enabled = arguments.GetValue(_prefixes) != "off",
                StorePath = arguments.GetValue(StoreFile) is { } path ? Path.GetFullPath(path) : null,
                StoreBytes = arguments.GetValue(_storeSize) ?? standard.PrefixCache.StoreBytes,
            },
        };
    }
}
