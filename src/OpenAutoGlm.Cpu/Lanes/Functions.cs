using System.Runtime.CompilerServices;

namespace OpenAutoGlm.Cpu.Lanes;

/// <summary>
/// Functions of sixteen numbers, each with one order of operations, so that every width gives the same bits. Errors
/// are measured against float64 in the tests.
/// </summary>
static class Functions
{
    const float Log2E = 1.44269504f;

    // ln 2 in two parts: the nearest float32 and what it leaves.
    const float Ln2 = 0.693147182f;
    const float Ln2Rest = -1.90465421e-9f;

    /// <summary>
    /// eˣ within 1.5 ulp, denormal results included; 0 below −104, ∞ above 88.73, NaN for NaN.
    /// x = n · ln 2 + r with |r| ≤ ½ ln 2; eʳ by its Taylor series to r⁷ (the rest is below 2⁻²⁷), then times 2ⁿ in
    /// two steps, so that neither factor leaves the normal range.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Exp<T>(T x)
        where T : struct, ILanes<T>
    {
        x = T.Min(T.Max(x, T.Broadcast(-104)), T.Broadcast(89));
        T n = T.Round(x * T.Broadcast(Log2E));
        T r = T.MultiplyAdd(n, T.Broadcast(-Ln2), x);
        r = T.MultiplyAdd(n, T.Broadcast(-Ln2Rest), r);
        T series = T.MultiplyAdd(r, T.Broadcast(1f / 5040), T.Broadcast(1f / 720));
        series = T.MultiplyAdd(r, series, T.Broadcast(1f / 120));
        series = T.MultiplyAdd(r, series, T.Broadcast(1f / 24));
        series = T.MultiplyAdd(r, series, T.Broadcast(1f / 6));
        series = T.MultiplyAdd(r, series, T.Broadcast(0.5f));
        series = T.MultiplyAdd(r, series, T.Broadcast(1));
        series = T.MultiplyAdd(r, series, T.Broadcast(1));
        T whole = T.ToInts(n);
        T half = T.ShiftRightInts(whole, 1);
        T rest = T.SubtractInts(whole, half);
        return series * Power(half) * Power(rest);
    }

    /// <summary>
    /// The weight 2ᵗ of a score that is t ≤ 0 below the largest, 0 below −64; NaN for NaN. t = n + f with |f| ≤ ½; 2ᶠ by
    /// a polynomial through Chebyshev nodes that is 1 at 0: within 9.2e-9 (one rounding comes on top), or within 7e-6
    /// where the weight is rounded to bfloat16 afterwards.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Weight<T>(T t, bool coarse)
        where T : struct, ILanes<T>
    {
        T n = T.Round(t);
        T f = t - n;
        T series;
        if (coarse)
        {
            series = T.MultiplyAdd(f, T.Broadcast(CoarseWeight[3]), T.Broadcast(CoarseWeight[2]));
            series = T.MultiplyAdd(f, series, T.Broadcast(CoarseWeight[1]));
            series = T.MultiplyAdd(f, series, T.Broadcast(CoarseWeight[0]));
        }
        else
        {
            series = T.MultiplyAdd(f, T.Broadcast(0.000154531634f), T.Broadcast(0.00133908633f));
            series = T.MultiplyAdd(f, series, T.Broadcast(0.00961808302f));
            series = T.MultiplyAdd(f, series, T.Broadcast(0.0555035695f));
            series = T.MultiplyAdd(f, series, T.Broadcast(0.240226507f));
            series = T.MultiplyAdd(f, series, T.Broadcast(0.693147182f));
        }

        series = T.MultiplyAdd(f, series, T.Broadcast(1));
        return T.Select(T.Less(t, T.Broadcast(LeastWeight)), T.Zero, series * Power(T.ToInts(n)));
    }

    /// <summary>The exponent of the smallest weight that is not 0.</summary>
    internal const float LeastWeight = -64;

    /// <summary>The coefficients of f, f², f³, f⁴ in the coarse 2ᶠ.</summary>
    internal static ReadOnlySpan<float> CoarseWeight => [0.693136752f, 0.2402253f, 0.0558382832f, 0.00965671055f];

    /// <summary>The nearest bfloat16, halves to even, as float32; NaN stays NaN. As <see cref="Graph.Formats.BF16Format"/> rounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T NearestBFloat16<T>(T x)
        where T : struct, ILanes<T>
    {
        T upper = T.BroadcastInt(unchecked((int)0xFFFF0000));
        T odd = T.And(T.ShiftRightInts(x, 16), T.BroadcastInt(1));
        T rounded = T.And(T.AddInts(T.AddInts(x, T.BroadcastInt(0x7FFF)), odd), upper);

        // Added to itself ∞ stays what it is, and NaN gets a bit in the half that is kept.
        return T.Select(T.Less(T.Abs(x), T.Broadcast(float.PositiveInfinity)), rounded, T.And(x + x, upper));
    }

    /// <summary><see cref="NearestBFloat16"/>, and 0 for denormal numbers, which vdpbf16ps takes for that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T RoundToBFloat16<T>(T x)
        where T : struct, ILanes<T> => T.Select(T.Less(T.Abs(x), T.Broadcast(1.17549435e-38f)), T.Zero, NearestBFloat16(x));

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Sigmoid<T>(T x)
        where T : struct, ILanes<T> => T.Broadcast(1) / (T.Broadcast(1) + Exp(T.Zero - x));

    /// <summary>x / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Silu<T>(T x)
        where T : struct, ILanes<T> => x / (T.Broadcast(1) + Exp(T.Zero - x));

    /// <summary>½x(1 + tanh u) = x / (1 + e^−2u), with u = √(2/π)(x + 0.044715x³).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T GeluTanh<T>(T x)
        where T : struct, ILanes<T>
    {
        T u = x * T.MultiplyAdd(x * x, T.Broadcast(0.044715f), T.Broadcast(1));
        return x / (T.Broadcast(1) + Exp(u * T.Broadcast(-1.59576912f)));
    }

    /// <summary>
    /// x · Φ(x), through erfc(z) = t · e^(−z² + P(t)) with t = 1 / (1 + z/2), z ≥ 0, whose relative error is 1.2e-7.
    /// Source: Press et al., Numerical Recipes, §6.2 (the Chebyshev fit).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T GeluErf<T>(T x)
        where T : struct, ILanes<T>
    {
        T z = T.Abs(x) * T.Broadcast(0.707106781f);
        T t = T.Broadcast(1) / T.MultiplyAdd(z, T.Broadcast(0.5f), T.Broadcast(1));
        T p = T.MultiplyAdd(t, T.Broadcast(0.17087277f), T.Broadcast(-0.82215223f));
        p = T.MultiplyAdd(t, p, T.Broadcast(1.48851587f));
        p = T.MultiplyAdd(t, p, T.Broadcast(-1.13520398f));
        p = T.MultiplyAdd(t, p, T.Broadcast(0.27886807f));
        p = T.MultiplyAdd(t, p, T.Broadcast(-0.18628806f));
        p = T.MultiplyAdd(t, p, T.Broadcast(0.09678418f));
        p = T.MultiplyAdd(t, p, T.Broadcast(0.37409196f));
        p = T.MultiplyAdd(t, p, T.Broadcast(1.00002368f));
        p = T.MultiplyAdd(t, p, T.Broadcast(-1.26551223f));
        T tail = T.Broadcast(0.5f) * t * Exp(T.MultiplyAdd(T.Zero - z, z, p)); // ½ erfc(z)
        return T.Select(T.Less(x, T.Zero), x * tail, T.MultiplyAdd(T.Zero - x, tail, x));
    }

    /// <summary>binary16, in the lower halves of the lanes, to float32; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T HalvesToFloats<T>(T halves)
        where T : struct, ILanes<T>
    {
        // The exponent moves from bias 15 to bias 127. Infinities and NaN need the rest of the way to the top; for
        // denormals the implied bit is put in by the exponent 2⁻¹⁴ and taken away again by a subtraction.
        const int Gap = (127 - 15) << 23;
        const int Top = 0x7C00 << 13;
        const int SmallestNormal = Gap + (1 << 23);
        T bits = T.ShiftLeftInts(T.And(halves, T.BroadcastInt(0x7FFF)), 13);
        T exponent = T.And(bits, T.BroadcastInt(Top));
        bits = T.AddInts(bits, T.BroadcastInt(Gap));
        bits = T.AddInts(bits, T.And(T.EqualInts(exponent, T.BroadcastInt(Top)), T.BroadcastInt((128 - 16) << 23)));
        T denormal = T.AddInts(bits, T.BroadcastInt(1 << 23)) - T.BroadcastInt(SmallestNormal);
        bits = T.Select(T.EqualInts(exponent, T.Zero), denormal, bits);
        return T.Or(bits, T.ShiftLeftInts(T.And(halves, T.BroadcastInt(0x8000)), 16));
    }

    /// <summary>The first lanes as they are, the others 0.</summary>
    internal static unsafe T Keep<T>(T lanes, int count)
        where T : struct, ILanes<T>
    {
        float* copy = stackalloc float[ILanes<T>.Count];
        T.Store(lanes, copy);
        return T.LoadFirst(copy, count);
    }

    /// <summary>2ⁿ for integers within the exponents of float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Power<T>(T n)
        where T : struct, ILanes<T> => T.ShiftLeftInts(T.AddInts(n, T.BroadcastInt(127)), 23);
}
