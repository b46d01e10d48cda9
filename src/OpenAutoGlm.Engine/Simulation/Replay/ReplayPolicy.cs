namespace OpenAutoGlm.Engine.Simulation.Replay;

/// <summary>How an engine is set up for a replay.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Options">The engine's options. Its clock, seed and memory are the replay's.</param>
/// <param name="KvTokens">Token places of key and value memory.</param>
/// <param name="ContextLength">Longest sequence in tokens, prompt and answer together.</param>
public sealed record ReplayPolicy(string Name, EngineOptions Options, long KvTokens, int ContextLength)
{
    /// <summary>The numbers that an engine with such options works with, and all of the memory, of which a cache of prefixes can use more than sequences can.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or the memory holds no block.</exception>
    internal EngineLimits Limits(int vocab)
    {
        Options.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(ContextLength, 2);
        long blocks = KvTokens / Options.BlockTokens;
        return blocks is >= 1 && KvTokens <= int.MaxValue
            ? new EngineLimits(vocab, ContextLength, Options.BlockTokens, (int)blocks, Options.MaxSequences, Options.MaxTokensPerStep)
            : throw new ArgumentOutOfRangeException(nameof(KvTokens), KvTokens, $"{nameof(KvTokens)} must be {Options.BlockTokens}, one block, to {int.MaxValue}.");
    }
}
