namespace OpenAutoGlm.Engine.Sampling;

/// <summary>
/// Keeps the largest weights of a row and sets the others to 0, in linear time and without sorting: the bits of floats
/// in [0, 1] rise with their value, so a histogram over the high bits finds the bin in which the last weight to keep
/// lies, one over the next bits of that bin narrows it down, and a third finds the weight itself. Among equal weights
/// the lowest ids are kept.
/// </summary>
sealed class Truncation
{
    static readonly (int Shift, int Bits)[] Levels = [(19, 11), (8, 11), (0, 8)];

    readonly double[] _histogram = new double[1 << 11];

    /// <summary>Keeps the <paramref name="count"/> largest.</summary>
    internal void KeepMost(Span<float> weights, int count) => Keep(weights, count, byMass: false);

    /// <summary>Keeps the fewest largest that add up to at least <paramref name="mass"/>.</summary>
    internal void KeepMass(Span<float> weights, double mass) => Keep(weights, mass, byMass: true);

    /// <summary>Keeps what is at least <paramref name="floor"/>.</summary>
    internal static void KeepFrom(Span<float> weights, float floor)
    {
        foreach (ref float weight in weights)
        {
            weight = weight < floor ? 0 : weight;
        }
    }

    void Keep(Span<float> weights, double enough, bool byMass)
    {
        uint last = 0; // the bits of the smallest weight to keep, found from the top down
        uint known = 0; // which of them are
        double taken = 0; // what the weights above it come to
        foreach ((int shift, int bits) in Levels)
        {
            Span<double> histogram = _histogram.AsSpan(0, 1 << bits);
            histogram.Clear();
            foreach (float weight in weights)
            {
                uint code = BitConverter.SingleToUInt32Bits(weight);
                if (code != 0 && (code & known) == last)
                {
                    histogram[(int)(code >> shift) & ((1 << bits) - 1)] += byMass ? weight : 1;
                }
            }

            int bin = histogram.Length - 1;
            while (bin >= 0 && taken + histogram[bin] < enough)
            {
                taken += histogram[bin--];
            }

            if (bin < 0)
            {
                return; // all of them together are not more than enough
            }

            last |= (uint)bin << shift;
            known |= ((1u << bits) - 1) << shift;
        }

        float smallest = BitConverter.UInt32BitsToSingle(last);
        double equals = Math.Max(1, Math.Ceiling((enough - taken) / (byMass ? smallest : 1)));
        foreach (ref float weight in weights)
        {
            if (weight < smallest || (weight == smallest && equals-- <= 0))
            {
                weight = 0;
            }
        }
    }
}
