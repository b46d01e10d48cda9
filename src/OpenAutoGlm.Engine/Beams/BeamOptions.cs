using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Beams;

/// <summary>How a beam search goes: the most likely continuations are followed side by side, instead of the most likely next token.</summary>
public sealed record BeamOptions
{
    /// <summary>Most continuations that can be followed.</summary>
    public const int MaxWidth = 64;

    /// <summary>Continuations that are followed: 2 to 64, and no more than sequences may run at the same time.</summary>
    public required int Width { get; init; }

    /// <summary>How many of the best are returned: 1 to <see cref="Width"/>.</summary>
    public int Results { get; init; } = 1;

    /// <summary>
    /// Score = log probability ÷ length ^ this. 0 compares sums, which favours short answers; 1 means per token; more favours long ones. −10 to 10.
    /// </summary>
    public float LengthPenalty { get; init; } = 1;

    /// <summary>Whether the search ends as soon as <see cref="Width"/> answers are complete, rather than when no other can become better.</summary>
    public bool EarlyStopping { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="RequestRefusedException">One is out of its range.</exception>
    internal void Validate(SequenceRequest request, int maxSequences)
    {
        Require(Width >= 2 && Width <= Math.Min(MaxWidth, maxSequences), "beam_width", Width, $"2 to {Math.Min(MaxWidth, maxSequences)}, for so many sequences may run at the same time");
        Require(Results >= 1 && Results <= Width, "n", Results, $"1 to the width of the beam, {Width}");
        Require(LengthPenalty is >= -10 and <= 10, "length_penalty", LengthPenalty, "-10 to 10");
        Require(request.Sampling.Temperature == 0, "temperature", request.Sampling.Temperature, "0, for a beam search draws nothing");
        Require(request.Sampling.Logprobs is null, "logprobs", 1, "left out of a beam search");
        Require(request.Mask is null, "response_format", 1, "left out of a beam search");
    }

    static void Require(bool holds, string parameter, double value, string range)
    {
        if (!holds)
        {
            throw new RequestRefusedException(RefusalReason.InvalidParameter, parameter, $"{parameter} must be {range}; it is {value}.", value);
        }
    }
}

/// <summary>An answer that a beam search found.</summary>
/// <param name="Tokens">Its tokens, a stop token included.</param>
/// <param name="LogProbability">Sum of the log probabilities of its tokens.</param>
/// <param name="Score">What it was ranked by.</param>
/// <param name="Reason">Whether a stop token ended it, or its length.</param>
public sealed record BeamResult(ImmutableArray<int> Tokens, double LogProbability, double Score, FinishReason Reason);
