using System.Collections.Immutable;
using System.Globalization;

namespace OpenAutoGlm.Engine.Sampling;

/// <summary>
/// How a token is chosen from logits. In this order: repetition penalty, presence and frequency penalties, logit bias,
/// mask; then, unless greedy, temperature, top-k, top-p, min-p, each over what the one before left; then a draw.
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>Most rivals whose log probabilities are reported.</summary>
    public const int MaxLogprobs = 20;

    /// <summary>Most tokens with a bias.</summary>
    public const int MaxBiases = 1024;

    /// <summary>Always the most likely token.</summary>
    public static SamplingOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Divides the logits; 0 takes the largest one, the lowest id among equals. Finite, at least 0.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Keeps the k most likely tokens, the lowest ids among equals. 0 and −1 both mean: all of them.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the fewest most likely tokens whose probabilities add up to this. Over 0, at most 1 (all of them).</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Keeps tokens at least this many times as likely as the most likely one. 0 (all of them) to 1.</summary>
    public float MinP { get; init; }

    /// <summary>
    /// For every token of prompt and answer: positive logits are divided by this, negative ones multiplied. Finite, over
    /// 0; 1 changes nothing. Source: Keskar et al. 2019, §4.1, over prompt and answer as Hugging Face transformers does.
    /// </summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Subtracted from the logit of every token that the answer already has. −2 to 2. Applies to greedy choice too.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Subtracted from a token's logit once for each time that the answer has it. −2 to 2. Applies to greedy choice too.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of the tokens named: finite, −100 to 100; −100 bans the token.</summary>
    public ImmutableDictionary<int, float> LogitBias { get; init; } = ImmutableDictionary<int, float>.Empty;

    /// <summary>
    /// Key of the random draws, together with <see cref="SequenceRequest.SampleIndex"/> and the position; null for one
    /// that the engine picks. The same seed gives the same tokens whatever else is in the batch.
    /// </summary>
    public ulong? Seed { get; init; }

    /// <summary>
    /// How many of the most likely tokens to report with their log probabilities beside the chosen one: 0 to 20; null
    /// for no log probabilities at all.
    /// </summary>
    public int? Logprobs { get; init; }

    /// <summary>Whether the choice depends on the tokens before.</summary>
    internal bool HasPenalties => RepetitionPenalty != 1 || PresencePenalty != 0 || FrequencyPenalty != 0;

    /// <summary>Checks every value. This is the only place that knows the ranges.</summary>
    /// <exception cref="RequestRefusedException">A value is out of its range; the message names parameter, value and range.</exception>
    public void Validate()
    {
        Require(float.IsFinite(Temperature) && Temperature >= 0, "temperature", Temperature, "finite and at least 0");
        Require(TopK >= -1, "top_k", TopK, "-1 or 0 (off) or at least 1");
        Require(TopP is > 0 and <= 1, "top_p", TopP, "over 0 and at most 1");
        Require(MinP is >= 0 and <= 1, "min_p", MinP, "0 to 1");
        Require(float.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, "repetition_penalty", RepetitionPenalty, "finite and over 0");
        Require(PresencePenalty is >= -2 and <= 2, "presence_penalty", PresencePenalty, "-2 to 2");
        Require(FrequencyPenalty is >= -2 and <= 2, "frequency_penalty", FrequencyPenalty, "-2 to 2");
        Require(Logprobs is null or (>= 0 and <= MaxLogprobs), "top_logprobs", Logprobs ?? 0, $"0 to {MaxLogprobs}");
        Require(LogitBias.Count <= MaxBiases, "logit_bias", LogitBias.Count, $"a map of at most {MaxBiases} tokens");
        foreach ((int token, float bias) in LogitBias)
        {
            Require(token >= 0, "logit_bias", token, "a map from token ids, which are at least 0");
            Require(bias is >= -100 and <= 100, "logit_bias", bias, "a map to numbers from -100 to 100");
        }
    }

    static void Require(bool holds, string parameter, double value, string range)
    {
        if (!holds)
        {
            string text = value.ToString(CultureInfo.InvariantCulture);
            throw new RequestRefusedException(RefusalReason.InvalidParameter, parameter, $"{parameter} must be {range}, not {text}.", value);
        }
    }
}
