namespace OpenAutoGlm.Engine.Sampling;

/// <summary>Chooses tokens from logits, as <see cref="SamplingOptions"/> says. Holds scratch memory for one thread.</summary>
sealed class Sampler(int vocab)
{
    readonly float[] _scratch = new float[vocab];
    readonly float[] _weights = new float[vocab];
    readonly (int Token, float Logprob)[] _likeliest = new (int, float)[2 * Beams.BeamOptions.MaxWidth];
    readonly Candidates _candidates = new(vocab);

    /// <summary>
    /// Chooses the token that a key stands for. logits: [vocab], left as they are. What the sequence said before and
    /// its mask are null where it has no penalties and no mask.
    /// </summary>
    /// <exception cref="ArithmeticException">A logit is NaN or +∞, or no token is allowed.</exception>
    internal int Sample(ReadOnlySpan<float> logits, SamplingOptions options, TokenHistory? history, ITokenMask? mask, DrawKey key)
    {
        ReadOnlySpan<float> row = Adjusted(logits, options, history, mask);
        (int best, float largest) = Argmax.Of(row);
        if (best < 0)
        {
            throw new ArithmeticException("Every token is ruled out: no logit is over -∞.");
        }

        if (options.Temperature == 0)
        {
            return best;
        }

        _candidates.Weigh(row, largest, options.Temperature);
        return _candidates.Draw(options, key.Uniform());
    }

    /// <summary>The tokens that most likely come next, most likely first, after penalties and bias, with their log probabilities.</summary>
    /// <exception cref="ArithmeticException">A logit is NaN or +∞, or no token is allowed.</exception>
    internal ReadOnlySpan<(int Token, float Logprob)> Likeliest(ReadOnlySpan<float> logits, SamplingOptions options, TokenHistory? history, int count)
    {
        ReadOnlySpan<float> row = Adjusted(logits, options, history, mask: null);
        (int best, float largest) = Argmax.Of(row);
        if (best < 0)
        {
            throw new ArithmeticException("Every token is ruled out: no logit is over -∞.");
        }

        float normaliser = LogProbabilities.Normaliser(row, largest, _weights);
        int found = 0;
        for (int token = 0; token < row.Length; token++)
        {
            float logprob = row[token] - normaliser;
            if (float.IsNegativeInfinity(logprob) || (found == count && !(logprob > _likeliest[found - 1].Logprob)))
            {
                continue;
            }

            int place = found < count ? found++ : found - 1;
            for (; place > 0 && logprob > _likeliest[place - 1].Logprob; place--)
            {
                _likeliest[place] = _likeliest[place - 1];
            }

            _likeliest[place] = (token, logprob);
        }

        return _likeliest.AsSpan(0, found);
    }

    /// <summary>Log probabilities of a chosen token and its rivals; null where they were not asked for.</summary>
    internal TokenLogprobs? Logprobs(ReadOnlySpan<float> logits, SamplingOptions options, int token) =>
        options.Logprobs is { } top ? LogProbabilities.Of(logits, token, top, _scratch) : null;

    ReadOnlySpan<float> Adjusted(ReadOnlySpan<float> logits, SamplingOptions options, TokenHistory? history, ITokenMask? mask)
    {
        ReadOnlySpan<float> row = logits;
        if (history is not null || mask is not null || !options.LogitBias.IsEmpty)
        {
            Span<float> changed = _scratch.AsSpan(0, logits.Length);
            logits.CopyTo(changed);
            history?.Penalise(changed, options);
            if (!options.LogitBias.IsEmpty)
            {
                Bias(changed, options);
            }

            mask?.Apply(changed);
            row = changed;
        }

        return row;
    }

    static void Bias(Span<float> logits, SamplingOptions options)
    {
        foreach ((int token, float bias) in options.LogitBias)
        {
            logits[token] = bias == -100 ? float.NegativeInfinity : logits[token] + bias;
        }
    }
}
