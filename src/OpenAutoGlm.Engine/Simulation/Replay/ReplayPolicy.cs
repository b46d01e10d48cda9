namespace OpenAutoGlm.Engine.Simulation.Replay;

/// <summary>How an engine is set up for a replay.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Options">The engine's options. Its clock, seed and memory are the replay's.</param>
/// <param name="KvTokens">Token places of key and value memory.</param>
/// <param name="ContextLength">Longest sequence in tokens, prompt and answer together.</param>
public sealed record ReplayPolicy(string Name, EngineOptions Options, long KvTokens, int ContextLength)
{
    /// <summary>The numbers that an engine with such options works with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, or the memory holds no block.</exception>
    internal EngineLimits Limits(int vocab) =>
        EngineLimits.Of(Options with { KvMemoryBytes = KvTokens, ContextLength = ContextLength }, vocab, modelContext: ContextLength, bytesPerToken: 1);
}
