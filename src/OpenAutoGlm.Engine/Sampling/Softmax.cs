using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Engine.Sampling;

/// <summary>The loops of a softmax over a row.</summary>
static class Softmax
{
    /// <summary>Elements that are summed together before they are added to what came before.</summary>
    internal const int BlockElements = 1024;

    /// <summary>y = exp((x − largest) / temperature): 1 for the largest, in [0, 1] for all. y may be x.</summary>
    internal static void Exponentiate(ReadOnlySpan<float> x, float largest, float temperature, Span<float> y)
    {
        Vector<float> shift = new(largest);
        Vector<float> divisor = new(temperature);
        int whole = x.Length / Vector<float>.Count * Vector<float>.Count;
        ReadOnlySpan<Vector<float>> from = MemoryMarshal.Cast<float, Vector<float>>(x[..whole]);
        Span<Vector<float>> to = MemoryMarshal.Cast<float, Vector<float>>(y[..whole]);
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = Vector.Exp((from[i] - shift) / divisor);
        }

        // The remainder goes through the same function, so that a token's weight does not depend on its place.
        Span<float> tail = stackalloc float[Vector<float>.Count];
        tail.Fill(largest);
        x[whole..].CopyTo(tail);
        Vector.Exp((new Vector<float>(tail) - shift) / divisor).CopyTo(tail);
        tail[..(x.Length - whole)].CopyTo(y[whole..]);
    }

    /// <summary>The sum of a row in float64: of its blocks, in rising order.</summary>
    internal static double Sum(ReadOnlySpan<float> row)
    {
        double sum = 0;
        for (; row.Length > BlockElements; row = row[BlockElements..])
        {
            sum += SumBlock(row[..BlockElements]);
        }

        return sum + SumBlock(row);
    }

    /// <summary>
    /// The sum of at most <see cref="BlockElements"/>, in float64 and in an order that is the same on every machine: in
    /// eight lanes, lane after lane, and then what fills no sixteen elements.
    /// </summary>
    internal static double SumBlock(ReadOnlySpan<float> block)
    {
        Vector512<double> lower = Vector512<double>.Zero;
        Vector512<double> upper = Vector512<double>.Zero;
        for (; block.Length >= Vector512<float>.Count; block = block[Vector512<float>.Count..])
        {
            (Vector512<double> first, Vector512<double> second) = Vector512.Widen(Vector512.Create(block));
            lower += first;
            upper += second;
        }

        Vector512<double> lanes = lower + upper;
        double sum = 0;
        for (int i = 0; i < Vector512<double>.Count; i++)
        {
            sum += lanes[i];
        }

        foreach (float x in block)
        {
            sum += x;
        }

        return sum;
    }
}
