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
}

/// <summary>All integers from one to another.</summary>
readonly struct IntegerLevels(float least, float greatest) : ILevels
{
    public float Least => least;

    public float Greatest => greatest;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Nearest(Vector256<float> values) =>
        Vector256.Round(Vector256.Min(Vector256.Max(values, Vector256.Create(least)), Vector256.Create(greatest)));
}

/// <summary>The sixteen levels of IQ4_NL.</summary>
readonly struct NonLinearLevels : ILevels
{
    public float Least => Packed.NonLinearLevels[0];

    public float Greatest => Packed.NonLinearLevels[^1];

    /// <summary>Climbs from the least level, one step for every midpoint that lies below the value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Nearest(Vector256<float> values)
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
}
