using System.Collections.Immutable;

namespace OpenAutoGlm.Engine;

/// <summary>One generated token.</summary>
/// <param name="Index">Its place in the answer, from 0.</param>
/// <param name="Token">Its id.</param>
/// <param name="Logprobs">Log probabilities, where they were asked for.</param>
public readonly record struct TokenEvent(int Index, int Token, TokenLogprobs? Logprobs = null);

/// <summary>
/// Log probabilities at one position: log-softmax of the model's own logits, before penalties, bias, mask and
/// temperature, so that they describe the model and not the sampling.
/// </summary>
/// <param name="Chosen">That of the chosen token.</param>
/// <param name="Top">The most likely tokens, most likely first, the lowest id first among equals.</param>
public sealed record TokenLogprobs(float Chosen, ImmutableArray<TokenLogprob> Top);

/// <summary>A token and its natural log probability.</summary>
public readonly record struct TokenLogprob(int Token, float Logprob);
