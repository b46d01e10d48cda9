using System.Numerics;
using System.Runtime.InteropServices;

namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>Whether gradients can be used: a loss scale that is too large makes them infinite, and then not a number.</summary>
public static class GradientCheck
{
    const int Exponent = 0x7F800000;

    /// <summary>Whether every gradient is finite. Reads each once.</summary>
    public static bool AreFinite(IReadOnlyList<TrainedParameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        foreach (TrainedParameter parameter in parameters)
        {
            if (!AreFinite(parameter.Gradient.View.Floats))
            {
                return false;
            }

            GC.KeepAlive(parameter);
        }

        return true;
    }

    /// <summary>Whether every value is finite.</summary>
    public static bool AreFinite(ReadOnlySpan<float> values)
    {
        // The exponent of what is not finite is all ones, and nothing has a larger one.
        ReadOnlySpan<int> bits = MemoryMarshal.Cast<float, int>(values);
        Vector<int> largest = Vector<int>.Zero;
        int i = 0;
        for (; i <= bits.Length - Vector<int>.Count; i += Vector<int>.Count)
        {
            largest = Vector.Max(largest, new Vector<int>(bits[i..]) & new Vector<int>(Exponent));
        }

        bool finite = !Vector.EqualsAny(largest, new Vector<int>(Exponent));
        for (; i < bits.Length; i++)
        {
            finite &= (bits[i] & Exponent) != Exponent;
        }

        return finite;
    }
}
