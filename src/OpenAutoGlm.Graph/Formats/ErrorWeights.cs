using System.Runtime.Intrinsics;

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
        if (AllWithin(values, -Largest, Largest))
        {
            return;
        }

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
        if (AllWithin(importance, 0, float.MaxValue))
        {
            return;
        }

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
        for (int i = 0; i < values.Length; i += Vector256<float>.Count)
        {
            var x = Vector256.Create(values[i..]);
            (x & Vector256.GreaterThanOrEqual(Vector256.Abs(x), Vector256.Create(Smallest))).CopyTo(cleaned[i..]);
        }
    }

    /// <summary>The weights of a block. Importance counts relative to its largest in the block; if all is 0, as if it were absent.</summary>
    public static void Fill(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<float> weights)
    {
        Vector256<double> squares = default;
        for (int i = 0; i < values.Length; i += Vector256<double>.Count)
        {
            Vector256<double> x = Vector256.WidenLower(Vector128.Create(values[i..]).ToVector256Unsafe());
            squares += x * x;
        }

        float floor = (float)(2 * ((squares[0] + squares[2]) + (squares[1] + squares[3])) / values.Length);
        float greatest = Greatest(importance);
        for (int i = 0; i < values.Length; i += Vector256<float>.Count)
        {
            var x = Vector256.Create(values[i..]);
            Vector256<float> weight = (x * x) + Vector256.Create(floor);
            weight = greatest > 0 ? weight * (Vector256.Create(importance[i..]) / Vector256.Create(greatest)) : weight;
            weight.CopyTo(weights[i..]);
        }
    }

    static float Greatest(ReadOnlySpan<float> factors)
    {
        Vector256<float> greatest = default;
        for (int i = 0; i < factors.Length; i += Vector256<float>.Count)
        {
            greatest = Vector256.MaxNative(greatest, Vector256.Create(factors[i..]));
        }

        float most = 0;
        for (int lane = 0; lane < Vector256<float>.Count; lane++)
        {
            most = MathF.Max(most, greatest[lane]);
        }

        return most;
    }

    /// <summary>Whether no value is below or above, or NaN.</summary>
    static bool AllWithin(ReadOnlySpan<float> values, float least, float most)
    {
        Vector256<float> within = Vector256<float>.AllBitsSet;
        for (int i = 0; i < values.Length; i += Vector256<float>.Count)
        {
            var x = Vector256.Create(values[i..]);
            within &= Vector256.GreaterThanOrEqual(x, Vector256.Create(least)) & Vector256.LessThanOrEqual(x, Vector256.Create(most));
        }

        return within == Vector256<float>.AllBitsSet;
    }
}
