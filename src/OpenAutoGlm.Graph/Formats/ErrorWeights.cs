namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// What the squared error of a weight counts when scales are searched, and which weights there may be. By default
/// w = x² + 2 · mean(x²), the mean over the block: between the plain error, with which a few large weights suffer for
/// many small ones, and x² alone, which forgets the small ones. Importance multiplies it.
/// </summary>
static class ErrorWeights
{
    /// <summary>
    /// Half of the least F16, 2⁻²⁴. All that these formats can express is a multiple of 2⁻²⁴, so anything below half of
    /// it is nearest to 0, and is set to 0 beforehand, so that no sum of squares underflows.
    /// </summary>
    const float Smallest = 2.98023224e-8f;

    /// <summary>The largest F16; up to here the scale of every format stays finite.</summary>
    public const float Largest = 65504;

    /// <summary>Refuses what has no nearest code.</summary>
    public static void CheckValues(ReadOnlySpan<float> values, TensorFormat format)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!(MathF.Abs(values[i]) <= Largest))
            {
                throw new ArgumentException(
                    $"The value {values[i]} at index {i} cannot be stored as {format}, which holds finite values up to ±{Largest}; "
                    + "leave the tensor as it is, or mend its source.",
                    nameof(values));
            }
        }
    }

    /// <summary>Refuses factors that are no weights.</summary>
    public static void CheckImportance(ReadOnlySpan<float> importance)
    {
        for (int i = 0; i < importance.Length; i++)
        {
            if (!(importance[i] >= 0 && float.IsFinite(importance[i])))
            {
                throw new ArgumentException($"The importance {importance[i]} at index {i} is not a finite factor of 0 or more.", nameof(importance));
            }
        }
    }

    /// <summary>Copies the values, with 0 for what is nearest to 0.</summary>
    public static void Clean(ReadOnlySpan<float> values, Span<float> cleaned)
    {
        for (int i = 0; i < values.Length; i++)
        {
            cleaned[i] = MathF.Abs(values[i]) < Smallest ? 0 : values[i];
        }
    }

    /// <summary>The weights of a block. Importance counts relative to its largest in the block; if all is 0, as if it were absent.</summary>
    public static void Fill(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<float> weights)
    {
        double squares = 0;
        foreach (float value in values)
        {
            squares += (double)value * value;
        }

        float floor = (float)(2 * squares / values.Length);
        float greatest = 0;
        foreach (float factor in importance)
        {
            greatest = MathF.Max(greatest, factor);
        }

        for (int i = 0; i < values.Length; i++)
        {
            weights[i] = ((values[i] * values[i]) + floor) * (greatest > 0 ? importance[i] / greatest : 1);
        }
    }
}
