namespace OpenAutoGlm.Engine.Sampling;

/// <summary>Chooses tokens from logits, as <see cref="SamplingOptions"/> says. Holds scratch memory for one thread.</summary>
sealed class Sampler(int vocab)
{
    readonly float[] _scratch = new float[vocab];
    readonly Truncation _truncation = new();

    /// <summary>
    /// Chooses the token that a key stands for. logits: [vocab], left as they are. What the sequence said before and
    /// its mask are null where it has no penalties and no mask.
    /// </summary>
    /// <exception cref="ArithmeticException">A logit is NaN or +∞, or no token is allowed.</exception>
    internal int Sample(ReadOnlySpan<float> logits, SamplingOptions options, TokenHistory? history, ITokenMask? mask, DrawKey key)
    {
        bool plain = history is null && mask is null && options.LogitBias.IsEmpty;
        if (plain && options.Temperature == 0)
        {
            return Allowed(Argmax.Of(logits).Index);
        }

        Span<float> row = _scratch.AsSpan(0, logits.Length);
        logits.CopyTo(row);
        history?.Penalise(row, options);
        if (!options.LogitBias.IsEmpty)
        {
            Bias(row, options);
        }

        mask?.Apply(row);
        (int best, float largest) = Argmax.Of(row);
        Allowed(best);
        if (options.Temperature == 0)
        {
            return best;
        }

        Softmax.Exponentiate(row, largest, options.Temperature);
        Truncate(row, options);
        return Draw(row, key.Uniform());
    }

    /// <summary>Log probabilities of a chosen token and its rivals; null where they were not asked for.</summary>
    internal TokenLogprobs? Logprobs(ReadOnlySpan<float> logits, SamplingOptions options, int token) =>
        options.Logprobs is { } top ? LogProbabilities.Of(logits, token, top, _scratch) : null;

    static int Allowed(int best) => best >= 0 ? best : throw new ArithmeticException("Every token is ruled out: no logit is over -∞.");

    static void Bias(Span<float> logits, SamplingOptions options)
    {
        foreach ((int token, float bias) in options.LogitBias)
        {
            logits[token] = bias == -100 ? float.NegativeInfinity : logits[token] + bias;
        }
    }

    void Truncate(Span<float> weights, SamplingOptions options)
    {
        if (options.TopK > 0 && options.TopK < weights.Length)
        {
            _truncation.KeepMost(weights, options.TopK);
        }

        if (options.TopP < 1)
        {
            _truncation.KeepMass(weights, options.TopP * Softmax.Sum(weights));
        }

        if (options.MinP > 0)
        {
            // The largest weight is 1, so the ratio to it is the weight itself.
            Truncation.KeepFrom(weights, options.MinP);
        }
    }

    /// <summary>The first token at which the running sum of weights passes the given part of the whole.</summary>
    static int Draw(ReadOnlySpan<float> weights, double uniform)
    {
        double target = uniform * Softmax.Sum(weights);
        double sum = 0;
        int last = -1;
        for (int token = 0; token < weights.Length; token++)
        {
            if (weights[token] > 0)
            {
                sum += weights[token];
                last = token;
                if (sum > target)
                {
                    break;
                }
            }
        }

        return last;
    }
}
