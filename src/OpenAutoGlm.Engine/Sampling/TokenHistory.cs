namespace OpenAutoGlm.Engine.Sampling;

/// <summary>
/// The distinct tokens of a sequence and how often its answer has each: what penalties ask for. Made only for sequences
/// that have penalties.
/// </summary>
sealed class TokenHistory
{
    readonly Dictionary<int, int> _counts = []; // occurrences in the answer; 0 for tokens of the prompt alone

    internal TokenHistory(ReadOnlySpan<int> prompt)
    {
        foreach (int token in prompt)
        {
            _counts.TryAdd(token, 0);
        }
    }

    internal void Add(int token) => _counts[token] = _counts.GetValueOrDefault(token) + 1;

    /// <summary>Lowers the logits of what was said before, as <see cref="SamplingOptions"/> says.</summary>
    internal void Penalise(Span<float> logits, SamplingOptions options)
    {
        foreach ((int token, int count) in _counts)
        {
            float logit = logits[token];
            // A tiny penalty divides past the largest float, which is still a number to compare.
            logit = logit > 0 ? Math.Min(logit / options.RepetitionPenalty, float.MaxValue) : logit * options.RepetitionPenalty;
            logits[token] = count == 0 ? logit : logit - options.PresencePenalty - (count * options.FrequencyPenalty);
        }
    }
}
