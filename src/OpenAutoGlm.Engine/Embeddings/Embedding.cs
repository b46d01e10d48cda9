using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Embeddings;

/// <summary>What a model makes of a text as a whole.</summary>
/// <param name="Vector">A vector of length 1: [hidden]. The nearer two texts in meaning, the larger the dot product of their vectors.</param>
/// <param name="Tokens">Tokens of the text, special ones included.</param>
public sealed record Embedding(ImmutableArray<float> Vector, int Tokens)
{
    /// <summary>
    /// The first dimensions, again of length 1. Models that were trained for it (Matryoshka representation learning,
    /// Kusupati et al. 2022) lose little by that.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not that many dimensions, or less than one is wanted.</exception>
    public Embedding Shorten(int dimensions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimensions, Vector.Length);
        return dimensions == Vector.Length ? this
            : this with { Vector = [.. OfLengthOne([.. Vector[..dimensions].Select(x => (double)x)]) ?? new float[dimensions]] };
    }

    /// <summary>x / √Σx²; null where x has no direction.</summary>
    internal static float[]? OfLengthOne(double[] x)
    {
        double squares = 0;
        foreach (double element in x)
        {
            squares += element * element;
        }

        double length = Math.Sqrt(squares);
        return length > 0 && double.IsFinite(length) ? Array.ConvertAll(x, element => (float)(element / length)) : null;
    }
}
