using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>
/// The sums over a group of values x with weights w and codes q from which the least-squares fit x ≈ scale · q + minimum
/// follows, and its error.
/// </summary>
/// <param name="W">Σ w.</param>
/// <param name="X">Σ w · x.</param>
/// <param name="Q">Σ w · q.</param>
/// <param name="XQ">Σ w · x · q.</param>
/// <param name="QQ">Σ w · q².</param>
readonly record struct FitSums(float W, float X, float Q, float XQ, float QQ)
{
    /// <summary>The best scale where the minimum is 0.</summary>
    public float Scale => QQ > 0 ? XQ / QQ : 0;

    /// <summary>The sums with the codes nearest to (x − minimum) · inverse.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FitSums Of<TLevels>(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, TLevels levels, float inverse, float minimum)
        where TLevels : struct, ILevels
    {
        Vector256<float> sumW = default, sumX = default, sumQ = default, sumXQ = default, sumQQ = default;
        for (int i = 0; i < values.Length; i += Vector256<float>.Count)
        {
            Vector256<float> x = Vector256.Create(values[i..]);
            Vector256<float> w = Vector256.Create(weights[i..]);
            Vector256<float> q = levels.Nearest((x - Vector256.Create(minimum)) * Vector256.Create(inverse));
            Vector256<float> wq = w * q;
            sumW += w;
            sumX += w * x;
            sumQ += wq;
            sumXQ += wq * x;
            sumQQ += wq * q;
        }

        return new FitSums(Sum(sumW), Sum(sumX), Sum(sumQ), Sum(sumXQ), Sum(sumQQ));
    }

    /// <summary>The best scale and minimum; if that minimum is above <paramref name="highest"/>, the best scale with it there.</summary>
    public (float Scale, float Minimum) ScaleAndMinimum(float highest)
    {
        float determinant = (W * QQ) - (Q * Q);
        if (determinant > 0)
        {
            float minimum = ((QQ * X) - (Q * XQ)) / determinant;
            if (minimum <= highest)
            {
                return (((W * XQ) - (X * Q)) / determinant, minimum);
            }

            return ((XQ - (highest * Q)) / QQ, highest);
        }

        return (0, 0);
    }

    /// <summary>By how much scale · q + minimum makes Σ w · x² smaller.</summary>
    public float Gain(float scale, float minimum) =>
        (scale * ((2 * XQ) - (scale * QQ))) + (minimum * ((2 * X) - (minimum * W) - (2 * scale * Q)));

    /// <summary>The eight lanes in an order that does not depend on the instruction set.</summary>
    public static float Sum(Vector256<float> lanes)
    {
        Vector128<float> four = lanes.GetLower() + lanes.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }
}
