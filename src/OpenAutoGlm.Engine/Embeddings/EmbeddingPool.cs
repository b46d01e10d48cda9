using OpenAutoGlm.Models;

namespace OpenAutoGlm.Engine.Embeddings;

/// <summary>
/// Gathers one vector from the hidden states of a sequence, which come in order and in chunks of any size. Sums are float64
/// in the order of the tokens, so that neither chunks nor neighbours change a bit. What runs anew from a place is taken anew.
/// </summary>
sealed class EmbeddingPool(Pooling pooling, int tokens)
{
    double[] _sum = [];
    int _next; // the first position that the sum does not have

    /// <summary>Whether the hidden state of every token is needed, and not only that of one.</summary>
    internal bool NeedsEveryToken => pooling is not Pooling.Last;

    /// <summary>Whether the hidden state at a position counts.</summary>
    internal bool Wants(int position) => pooling switch
    {
        Pooling.Mean => true,
        Pooling.First => position == 0,
        _ => position == tokens - 1,
    };

    /// <summary>Takes the hidden state at a position: [hidden].</summary>
    internal void Add(int position, ReadOnlySpan<float> hidden)
    {
        if (position == 0 || pooling is Pooling.Last || _sum.Length == 0)
        {
            // A sequence that was driven out begins again.
            _sum = new double[hidden.Length];
            _next = position;
        }

        if (position != _next)
        {
            throw new InvalidOperationException($"The hidden state of token {position} came where that of {_next} was due.");
        }

        for (int i = 0; i < hidden.Length; i++)
        {
            _sum[i] += hidden[i];
        }

        _next++;
    }

    /// <summary>The vector, of length 1: [hidden].</summary>
    /// <exception cref="SequenceFailedException">The hidden states were no numbers, or all zero.</exception>
    internal float[] Finish() => Embedding.OfLengthOne(_sum)
        ?? throw new SequenceFailedException("The hidden states have no direction: they are no numbers, or all zero.");
}
