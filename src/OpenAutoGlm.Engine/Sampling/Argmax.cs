using System.Numerics;
using System.Runtime.InteropServices;

namespace OpenAutoGlm.Engine.Sampling;

/// <summary>The largest of a row, the first among equals.</summary>
static class Argmax
{
    /// <summary>Finds it. (−1, −∞) where nothing is over −∞.</summary>
    /// <exception cref="ArithmeticException">A value is NaN or +∞.</exception>
    internal static (int Index, float Value) Of(ReadOnlySpan<float> values)
    {
        int whole = values.Length / Vector<float>.Count * Vector<float>.Count;
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values[..whole]);
        Vector<float> most = new(float.NegativeInfinity);
        Vector<int> numbers = Vector<int>.AllBitsSet;
        foreach (Vector<float> vector in vectors)
        {
            most = Vector.ConditionalSelect(Vector.GreaterThan(vector, most), vector, most);
            numbers &= Vector.LessThanOrEqual(vector, new Vector<float>(float.MaxValue));
        }

        float largest = float.NegativeInfinity;
        for (int i = 0; i < Vector<float>.Count; i++)
        {
            largest = Math.Max(largest, most[i]);
        }

        for (int i = whole; i < values.Length; i++)
        {
            largest = values[i] > largest ? values[i] : largest;
            numbers = values[i] <= float.MaxValue ? numbers : Vector<int>.Zero;
        }

        if (!Vector.EqualsAll(numbers, Vector<int>.AllBitsSet))
        {
            Refuse(values);
        }

        return largest == float.NegativeInfinity ? (-1, largest) : (First(values, largest), largest);
    }

    static int First(ReadOnlySpan<float> values, float wanted)
    {
        int start = 0;
        for (; start <= values.Length - Vector<float>.Count; start += Vector<float>.Count)
        {
            if (Vector.EqualsAny(new Vector<float>(values[start..]), new Vector<float>(wanted)))
            {
                break;
            }
        }

        while (values[start] != wanted)
        {
            start++;
        }

        return start;
    }

    static void Refuse(ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!(values[i] <= float.MaxValue))
            {
                throw new ArithmeticException($"The logit of token {i} is {values[i]}.");
            }
        }
    }
}
