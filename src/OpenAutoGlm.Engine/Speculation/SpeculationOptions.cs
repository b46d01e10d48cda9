using OpenAutoGlm.Graph;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>Where guesses of the next tokens come from.</summary>
public enum GuessSource
{
    /// <summary>Nowhere: one token a step.</summary>
    None,

    /// <summary>From the sequence itself and from earlier answers: what followed the last tokens where they stood before. Costs nothing to ask.</summary>
    Lookup,

    /// <summary>From a smaller model with the same vocabulary: see <see cref="DraftSource"/>.</summary>
    DraftModel,
}

/// <summary>A smaller model that guesses for a larger one. Weights and backend stay the caller's and must live longer than the engine.</summary>
/// <param name="Config">What it is.</param>
/// <param name="Weights">Its weights.</param>
/// <param name="Backend">What computes it; another one than the larger model's, whose thread it shares.</param>
public sealed record DraftSource(ModelConfig Config, IWeights Weights, IBackend Backend);

/// <summary>
/// Guessing tokens ahead and checking them all in one step. Answers stay the same to the bit, sampled ones too: every position is chosen from the
/// model's own logits with its own key, and a guess counts only where it is what was chosen.
/// </summary>
public sealed record SpeculationOptions
{
    /// <summary>Largest <see cref="RememberedTokens"/>.</summary>
    public const int MostRemembered = 1 << 24;

    /// <summary>Most tokens that are guessed at once for a sequence: 1 to 32.</summary>
    public int MaxGuesses { get; init; } = 12;

    /// <summary>Where guesses come from.</summary>
    public GuessSource Source { get; init; } = GuessSource.Lookup;

    /// <summary>
    /// Tokens of earlier answers that <see cref="GuessSource.Lookup"/> remembers, about 130 bytes each; 0 to look into the sequence alone. Answers to requests
    /// with another <see cref="SequenceRequest.CacheSalt"/> are never looked at.
    /// </summary>
    public int RememberedTokens { get; init; } = 65_536;

    /// <summary>Whether fewer are guessed, or none, where experience says that more would not pay. False is for comparing.</summary>
    public bool IsAdaptive { get; init; } = true;

    /// <summary>Checks the range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is left.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxGuesses, 1, nameof(MaxGuesses));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxGuesses, 32, nameof(MaxGuesses));
        ArgumentOutOfRangeException.ThrowIfNegative(RememberedTokens, nameof(RememberedTokens));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(RememberedTokens, MostRemembered, nameof(RememberedTokens));
    }
}
