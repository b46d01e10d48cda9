using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// Finds the scale, or the scale and minimum, with which a group of 16 or 32 values loses least when it is rounded to
/// the codes of a format: least Σ w · (x − scale · code − minimum)².
/// <para>
/// For given codes the best scale is a least-squares fit, and for a given scale the best codes are the nearest ones. So
/// each search tries a row of starting scales around the one that just fits the extreme values, and then repeats both
/// steps from the best start. Everything is multiplied and added in a fixed order and without fusing, so that the same
/// bytes come out on every instruction set.
/// </para>
/// </summary>
static class ScaleSearch
{
    /// <summary>More alternations than four change nothing that can be measured.</summary>
    const int Alternations = 4;

    /// <summary>
    /// Starting scales put the extreme value from one code inside the range to one and a half outside. Candidates come in
    /// sixteens; the last start fills up.
    /// </summary>
    static ReadOnlySpan<float> Starts => [-1, -0.75f, -0.5f, -0.25f, 0, 0.25f, 0.5f, 0.75f, 1, 1.25f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f];

    /// <summary>The same starts, each with four minimums.</summary>
    static ReadOnlySpan<float> StartsOfFours =>
    [
        -1, -1, -1, -1, -0.75f, -0.75f, -0.75f, -0.75f, -0.5f, -0.5f, -0.5f, -0.5f, -0.25f, -0.25f, -0.25f, -0.25f,
        0, 0, 0, 0, 0.25f, 0.25f, 0.25f, 0.25f, 0.5f, 0.5f, 0.5f, 0.5f, 0.75f, 0.75f, 0.75f, 0.75f,
        1, 1, 1, 1, 1.25f, 1.25f, 1.25f, 1.25f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f,
    ];

    /// <summary>Starting minimums, in steps above the least value. From 0 alone the plain squared error of Q4_K is 4 % larger.</summary>
    static ReadOnlySpan<float> StartingMinimums => [-0.3f, 0, 0.4f, 0.8f, -0.3f, 0, 0.4f, 0.8f, -0.3f, 0, 0.4f, 0.8f, -0.3f, 0, 0.4f, 0.8f];

    /// <summary>The best scale where there is no minimum. It may be negative, which turns an uneven range of codes round.</summary>
    public static float Scale<TLevels>(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels)
        where TLevels : struct, ILevels
    {
        float extreme = Extreme(values);
        if (extreme == 0)
        {
            return 0;
        }

        BestCandidate starts = new(leastGain: 0);
        Try(levels.Least, values, weights, levels, ref starts);
        Try(levels.Greatest, values, weights, levels, ref starts);
        (float best, _, float bestGain) = starts.Take(extreme / levels.Least, 0);
        for (int i = 0; i < Alternations && Improve(1 / best, values, weights, levels); i++)
        {
        }

        return best;

        void Try(float target, ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, ref BestCandidate starts)
        {
            Vector512<float> magnitudes = Vector512.Create(MathF.Abs(target)) + Vector512.Create(Starts);
            Vector512<float> inverse = Vector512.CopySign(magnitudes, Vector512.Create(target)) / Vector512.Create(extreme);
            CandidateSums sums = CandidateSums.Of(values, weights, levels, inverse, default);
            Vector512<float> fitted = sums.Scale;
            starts.Offer(sums.Gain(fitted), fitted, default);
        }

        bool Improve(float inverse, ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels)
        {
            FitSums sums = FitSums.Of(values, weights, levels, inverse, 0);
            float fitted = sums.Scale;
            float gain = sums.Gain(fitted, 0);
            if (!(gain > bestGain))
            {
                return false;
            }

            (best, bestGain) = (fitted, gain);
            return true;
        }
    }

    /// <summary>The best scale, at least 0, and minimum for codes that begin at 0.</summary>
    /// <param name="values">The values of a group.</param>
    /// <param name="weights">What their squared errors count.</param>
    /// <param name="levels">The codes.</param>
    /// <param name="positiveMinimum">Whether the minimum may be above 0.</param>
    public static (float Scale, float Minimum) ScaleAndMinimum<TLevels>(
        ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, bool positiveMinimum)
        where TLevels : struct, ILevels
    {
        (float least, float most) = Range(values);
        least = positiveMinimum ? least : MathF.Min(least, 0);
        if (most <= least)
        {
            return (0, least);
        }

        // The sums are taken over x − least, so that a group far from zero does not lose its differences to rounding.
        Span<float> shifted = stackalloc float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            shifted[i] = values[i] - least;
        }

        float highest = positiveMinimum ? float.PositiveInfinity : -least;
        FitSums constant = FitSums.Of(shifted, weights, levels, 0, 0);
        BestCandidate starts = new(leastGain: float.NegativeInfinity);
        for (int first = 0; first < StartsOfFours.Length; first += CandidateSums.Count)
        {
            Vector512<float> step = Vector512.Create(most - least) / (Vector512.Create(levels.Greatest) + Vector512.Create(StartsOfFours[first..]));
            CandidateSums sums = CandidateSums.Of(shifted, weights, levels, Vector512<float>.One / step, Vector512.Create(StartingMinimums) * step);
            (Vector512<float> scale, Vector512<float> minimum) = sums.ScaleAndMinimum(constant, highest);
            starts.Offer(sums.Gain(constant, scale, minimum), scale, minimum, Vector512.GreaterThan(scale, default));
        }

        (float bestScale, float bestMinimum, float bestGain) = starts.Take((most - least) / levels.Greatest, 0);
        for (int i = 0; i < Alternations && Improve(1 / bestScale, bestMinimum, shifted, weights); i++)
        {
        }

        return (bestScale, bestMinimum + least);

        bool Improve(float inverse, float minimum, ReadOnlySpan<float> shifted, ReadOnlySpan<float> weights)
        {
            FitSums sums = FitSums.Of(shifted, weights, levels, inverse, minimum);
            (float Scale, float Minimum) fitted = sums.ScaleAndMinimum(highest);
            float gain = sums.Gain(fitted.Scale, fitted.Minimum);
            if (!(gain > bestGain && fitted.Scale > 0))
            {
                return false;
            }

            (bestScale, bestMinimum, bestGain) = (fitted.Scale, fitted.Minimum, gain);
            return true;
        }
    }

    /// <summary>Σ w · (x − scale · code − minimum)² with the nearest codes.</summary>
    public static float Error<TLevels>(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, float scale, float minimum)
        where TLevels : struct, ILevels
    {
        Vector256<float> inverse = Vector256.Create(Inverse(scale));
        Vector256<float> error = Vector256<float>.Zero;
        for (int i = 0; i < values.Length; i += Vector256<float>.Count)
        {
            Vector256<float> x = Vector256.Create(values[i..]) - Vector256.Create(minimum);
            Vector256<float> difference = x - (levels.Nearest(x * inverse) * Vector256.Create(scale));
            error += difference * difference * Vector256.Create(weights[i..]);
        }

        return FitSums.Sum(error);
    }

    /// <summary>The nearest codes, as the blocks will hold them.</summary>
    public static void Encode<TLevels>(ReadOnlySpan<float> values, TLevels levels, float scale, float minimum, Span<sbyte> codes)
        where TLevels : struct, ILevels
    {
        Vector256<float> inverse = Vector256.Create(Inverse(scale));
        Vector256<float> offset = Vector256.Create(minimum);
        for (int i = 0; i < values.Length; i += 16)
        {
            Vector256<int> lower = Vector256.ConvertToInt32Native(levels.Nearest((Vector256.Create(values[i..]) - offset) * inverse));
            Vector256<int> upper = Vector256.ConvertToInt32Native(levels.Nearest((Vector256.Create(values[(i + 8)..]) - offset) * inverse));
            Vector256<short> both = Vector256.Narrow(lower, upper);
            Vector128.Narrow(both.GetLower(), both.GetUpper()).CopyTo(codes[i..]);
        }
    }

    /// <summary>What to multiply with instead of dividing; a scale of 0 gives every value the code nearest to 0.</summary>
    public static float Inverse(float scale) => scale == 0 ? 0 : 1 / scale;

    /// <summary>
    /// The binary16 that stands for a scale: the nearest one. Below 2⁻¹⁵ it may be so much smaller that the extreme values
    /// fall off the end of the codes by more than a quarter of a step; then it is the next one away from zero.
    /// </summary>
    /// <param name="scale">A scale that F16 can hold.</param>
    /// <param name="greatestCode">The code that the extreme values get.</param>
    public static float Stored(float scale, float greatestCode)
    {
        ushort nearest = Binary16.FromSingle(scale);
        float value = Binary16.ToSingle(nearest);
        float lost = MathF.Abs(scale) - MathF.Abs(value);
        return lost * greatestCode > MathF.Abs(scale) / 4 ? Binary16.ToSingle((ushort)(nearest + 1)) : value;
    }

    /// <summary>The value farthest from zero, with its sign.</summary>
    public static float Extreme(ReadOnlySpan<float> values)
    {
        float extreme = 0;
        foreach (float value in values)
        {
            extreme = MathF.Abs(value) > MathF.Abs(extreme) ? value : extreme;
        }

        return extreme;
    }

    static (float Least, float Most) Range(ReadOnlySpan<float> values)
    {
        (float least, float most) = (values[0], values[0]);
        foreach (float value in values)
        {
            least = MathF.Min(least, value);
            most = MathF.Max(most, value);
        }

        return (least, most);
    }
}
