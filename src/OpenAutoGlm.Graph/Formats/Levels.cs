using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Graph.Formats;

/// <summary>The codes that a format can store, as the search for scales sees them: numbers to round to.</summary>
interface ILevels
{
    /// <summary>The code farthest below zero.</summary>
    float Least { get; }

    /// <summary>The code farthest above zero.</summary>
    float Greatest { get; }

    /// <summary>The nearest code to each value.</summary>
    Vector256<float> Nearest(Vector256<float> values);

    /// <inheritdoc cref="Nearest(Vector256{float})"/>
    Vector512<float> Nearest(Vector512<float> values);
}

/// <summary>All integers from one to another.</summary>
readonly struct IntegerLevels(float least, float greatest) : ILevels
{
    public float Least => least;

    public float Greatest => greatest;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Nearest(Vector256<float> values) =>
        Vector256.Round(Vector256.MinNative(Vector256.MaxNative(values, Vector256.Create(least)), Vector256.Create(greatest)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Nearest(Vector512<float> values) =>
        Vector512.Round(Vector512.MinNative(Vector512.MaxNative(values, Vector512.Create(least)), Vector512.Create(greatest)));
}

/// <summary>The sixteen levels of IQ4_NL.</summary>
readonly struct NonLinearLevels : ILevels
{
    static readonly Vector512<float> Values = Table(i => Packed.NonLinearLevels[i]);

    /// <summary>Above element i the nearest level is i + 1 or a higher one.</summary>
    static readonly Vector512<float> Midpoints =
        Table(i => i + 1 < Packed.NonLinearLevels.Length ? (Packed.NonLinearLevels[i] + Packed.NonLinearLevels[i + 1]) * 0.5f : float.PositiveInfinity);

    static readonly Vector512<float> Middle = Vector512.Create(Midpoints[7]);

    public float Least => Packed.NonLinearLevels[0];

    public float Greatest => Packed.NonLinearLevels[^1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Nearest(Vector256<float> values) =>
        Vector512.IsHardwareAccelerated ? Halve(values.ToVector512Unsafe()).GetLower() : Climb(values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Nearest(Vector512<float> values) =>
        Vector512.IsHardwareAccelerated ? Halve(values) : Vector512.Create(Climb(values.GetLower()), Climb(values.GetUpper()));

    /// <summary>From the least level one step for every midpoint that lies below the value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Climb(Vector256<float> values)
    {
        ReadOnlySpan<sbyte> levels = Packed.NonLinearLevels;
        Vector256<float> nearest = Vector256.Create((float)levels[0]);
        for (int i = 1; i < levels.Length; i++)
        {
            Vector256<float> above = Vector256.GreaterThan(values, Vector256.Create((levels[i - 1] + levels[i]) * 0.5f));
            nearest += above & Vector256.Create((float)(levels[i] - levels[i - 1]));
        }

        return nearest;
    }

    /// <summary>The same by halving the levels four times.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Halve(Vector512<float> values)
    {
        Vector512<int> below = Vector512.GreaterThan(values, Middle).AsInt32() & Vector512.Create(8);
        below += Vector512.GreaterThan(values, Vector512.ShuffleNative(Midpoints, below + Vector512.Create(3))).AsInt32() & Vector512.Create(4);
        below += Vector512.GreaterThan(values, Vector512.ShuffleNative(Midpoints, below + Vector512<int>.One)).AsInt32() & Vector512.Create(2);
        below += Vector512.GreaterThan(values, Vector512.ShuffleNative(Midpoints, below)).AsInt32() & Vector512<int>.One;
        return Vector512.ShuffleNative(Values, below);
    }

    static Vector512<float> Table(Func<int, float> element) => Vector512.Create([.. Enumerable.Range(0, Packed.NonLinearLevels.Length).Select(element)]);
}

/// <summary>The fifteen levels of MXFP4, doubled, so that they are integers.</summary>
readonly struct DoubledE2M1Levels : ILevels
{
    public float Least => -12;

    public float Greatest => 12;

    /// <summary>Climbs as far from zero as midpoints lie below the magnitude, and takes the sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Nearest(Vector256<float> values)
    {
        ReadOnlySpan<sbyte> levels = Packed.DoubledE2M1[..8];
        Vector256<float> magnitudes = Vector256.Abs(values);
        Vector256<float> nearest = Vector256<float>.Zero;
        for (int i = 1; i < levels.Length; i++)
        {
            Vector256<float> above = Vector256.GreaterThan(magnitudes, Vector256.Create((levels[i - 1] + levels[i]) * 0.5f));
            nearest += above & Vector256.Create((float)(levels[i] - levels[i - 1]));
        }

        return Vector256.CopySign(nearest, values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Nearest(Vector512<float> values) => Vector512.Create(Nearest(values.GetLower()), Nearest(values.GetUpper()));
}
