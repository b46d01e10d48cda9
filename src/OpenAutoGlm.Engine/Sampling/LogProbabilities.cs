using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;

namespace OpenAutoGlm.Engine.Sampling;

/// <summary>log-softmax of a row of logits: y = x − max − ln Σ exp(x − max), for the chosen token and the largest few.</summary>
static class LogProbabilities
{
    /// <summary>Log probabilities of one token and of the <paramref name="top"/> most likely. scratch: at least [vocab].</summary>
    internal static TokenLogprobs Of(ReadOnlySpan<float> logits, int chosen, int top, Span<float> scratch)
    {
        float largest = Argmax.Of(logits).Value;
        Span<float> weights = scratch[..logits.Length];
        logits.CopyTo(weights);
        Softmax.Exponentiate(weights, largest, temperature: 1);
        float normaliser = (float)(largest + Math.Log(Softmax.Sum(weights)));

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

/// <summary>The largest of a row, the first among equals.</summary>
static class Argmax
{
    /// <summary>Finds it. (−1, −∞) where nothing is over −∞.</summary>
    /// <exception cref="ArithmeticException">A value is NaN or +∞.</exception>
    internal static (int Index, float Value) Of(ReadOnlySpan<float> values)
    {
        int index = -1;
        float largest = float.NegativeInfinity;
        for (int i = 0; i < values.Length; i++)
        {
            // True for a larger value, and for one that is no number.
            if (!(values[i] <= largest))
            {
                if (!(values[i] <= float.MaxValue))
                {
                    throw new ArithmeticException($"The logit of token {i} is {values[i]}.");
                }

                (index, largest) = (i, values[i]);
            }
        }

        return (index, largest);
    }
}

/// <summary>The loops of a softmax over a row.</summary>
static class Softmax
{
    /// <summary>x ← exp((x − largest) / temperature): 1 for the largest, in [0, 1] for all.</summary>
    internal static void Exponentiate(Span<float> row, float largest, float temperature)
    {
        Vector<float> shift = new(largest);
        Vector<float> divisor = new(temperature);
        int whole = row.Length / Vector<float>.Count * Vector<float>.Count;
        foreach (ref Vector<float> x in MemoryMarshal.Cast<float, Vector<float>>(row[..whole]))
        {
            x = Vector.Exp((x - shift) / divisor);
        }

        // The remainder goes through the same function, so that a token's weight does not depend on its place.
        Span<float> tail = stackalloc float[Vector<float>.Count];
        tail.Fill(largest);
        row[whole..].CopyTo(tail);
        Vector.Exp((new Vector<float>(tail) - shift) / divisor).CopyTo(tail);
        tail[..(row.Length - whole)].CopyTo(row[whole..]);
    }

    /// <summary>Sum in rising order, in float64.</summary>
    internal static double Sum(ReadOnlySpan<float> row)
    {
        double sum = 0;
        foreach (float x in row)
        {
            sum += x;
        }

        return sum;
    }
}
