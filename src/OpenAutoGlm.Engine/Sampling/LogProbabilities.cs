using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace OpenAutoGlm.Engine.Sampling;

/// <summary>log-softmax of a row of logits: y = x − max − ln Σ exp(x − max), for the chosen token and the largest few.</summary>
static class LogProbabilities
{
    /// <summary>What is subtracted from logits: max + ln Σ exp(x − max). scratch: at least [vocab].</summary>
    internal static float Normaliser(ReadOnlySpan<float> logits, float largest, Span<float> scratch)
    {
        Span<float> weights = scratch[..logits.Length];
        Softmax.Exponentiate(logits, largest, temperature: 1, weights);
        return (float)(largest + Math.Log(Softmax.Sum(weights)));
    }

    /// <summary>Log probabilities of one token and of the <paramref name="top"/> most likely. scratch: at least [vocab].</summary>
    internal static TokenLogprobs Of(ReadOnlySpan<float> logits, int chosen, int top, Span<float> scratch)
    {
        float normaliser = Normaliser(logits, Argmax.Of(logits).Value, scratch);

        Span<int> largestTokens = stackalloc int[SamplingOptions.MaxLogprobs];
        int found = 0;
        for (int token = 0; token < logits.Length && top > 0; token++)
        {
            float logit = logits[token];
            if (found == top && !(logit > logits[largestTokens[found - 1]]))
            {
                continue;
            }

            // Walking in rising ids, an equal never passes one that is there already.
            int place = found < top ? found++ : found - 1;
            for (; place > 0 && logit > logits[largestTokens[place - 1]]; place--)
            {
                largestTokens[place] = largestTokens[place - 1];
            }

            largestTokens[place] = token;
        }

        TokenLogprob[] entries = new TokenLogprob[found];
        for (int i = 0; i < found; i++)
        {
            entries[i] = new TokenLogprob(largestTokens[i], logits[largestTokens[i]] - normaliser);
        }

        return new TokenLogprobs(logits[chosen] - normaliser, ImmutableCollectionsMarshal.AsImmutableArray(entries));
    }
}
