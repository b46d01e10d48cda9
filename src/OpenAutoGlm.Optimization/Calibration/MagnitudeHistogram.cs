namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// How often each magnitude |x| occurred. Every octave from 2⁻⁴⁰ to 2²⁴ is cut into 32 equal bins, so that a bin is at most 3.2 %
/// wide whatever the range, no range need be known before, and two histograms add up. Zeros, and what is smaller, are counted
/// apart; what is larger falls into the last bin. Within a bin values are taken to be spread evenly.
/// </summary>
public sealed class MagnitudeHistogram
{
    /// <summary>Bins, from the smallest magnitudes to the largest.</summary>
    public const int Bins = (MostExponent - LeastExponent) * PerOctave;

    const int LeastExponent = -40;
    const int MostExponent = 24;
    const int PerOctave = 32;
    const int MantissaBits = 5;
    const int Shift = 23 - MantissaBits;
    const int FirstKey = (LeastExponent + 127) << MantissaBits;

    readonly long[] _counts = new long[Bins];

    /// <summary>How many values fell into each bin.</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>Values below the first bin, zeros among them.</summary>
    public long Tiny { get; private set; }

    /// <summary>All values.</summary>
    public long Total { get; private set; }

    /// <summary>The largest magnitude; 0 where there is none.</summary>
    public float Max { get; private set; }

    /// <summary>Where a bin begins; <see cref="Bins"/> gives the end of the last.</summary>
    public static double Edge(int bin) => Math.ScaleB(1 + ((bin % PerOctave) / (double)PerOctave), LeastExponent + (bin / PerOctave));

    /// <summary>Counts finite values.</summary>
    public void Add(ReadOnlySpan<float> values)
    {
        float most = Max;
        long tiny = 0;
        foreach (float value in values)
        {
            float magnitude = MathF.Abs(value);
            most = magnitude > most ? magnitude : most;
            int bin = (BitConverter.SingleToInt32Bits(magnitude) >> Shift) - FirstKey;
            if (bin < 0)
            {
                tiny++;
            }
            else
            {
                _counts[Math.Min(bin, Bins - 1)]++;
            }
        }

        Max = most;
        Tiny += tiny;
        Total += values.Length;
    }

    /// <summary>Adds the counts of another histogram.</summary>
    public void Add(MagnitudeHistogram other)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (int i = 0; i < Bins; i++)
        {
            _counts[i] += other._counts[i];
        }

        Tiny += other.Tiny;
        Total += other.Total;
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>The magnitude that a share of all values does not exceed, 0 to 1; exact for 1, else good to the width of a bin.</summary>
    public double Percentile(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        double rank = share * Total;
        if (share == 1 || rank >= Total)
        {
            return Max;
        }

        double below = Tiny;
        if (rank <= below)
        {
            return 0;
        }

        for (int i = 0; i < Bins; i++)
        {
            if (rank <= below + _counts[i])
            {
                double within = (rank - below) / _counts[i];
                return Math.Min(Max, double.Lerp(Edge(i), Edge(i + 1), within));
            }

            below += _counts[i];
        }

        return Max;
    }

    /// <summary>The counts laid out anew in equal bins from 0 to <see cref="Max"/>, each old bin spread evenly.</summary>
    internal double[] Linear(int bins)
    {
        double[] linear = new double[bins];
        linear[0] = Tiny;
        for (int i = 0; i < Bins; i++)
        {
            if (_counts[i] == 0)
            {
                continue;
            }

            // Nothing lies beyond the maximum, and what was too large for the last bin lies up to it.
            double start = Math.Min(Edge(i), Max) / Max * bins;
            double end = (i == Bins - 1 ? Max : Math.Min(Edge(i + 1), Max)) / Max * bins;
            Spread(linear, start, end, _counts[i]);
        }

        return linear;
    }

    internal void Write(BinaryWriter writer)
    {
        writer.Write(Tiny);
        writer.Write(Total);
        writer.Write(Max);
        int used = _counts.Count(count => count != 0);
        writer.Write(used);
        for (int i = 0; i < Bins; i++)
        {
            if (_counts[i] != 0)
            {
                writer.Write(i);
                writer.Write(_counts[i]);
            }
        }
    }

    internal static MagnitudeHistogram Read(BinaryReader reader)
    {
        MagnitudeHistogram histogram = new() { Tiny = reader.ReadInt64(), Total = reader.ReadInt64(), Max = reader.ReadSingle() };
        for (int used = reader.ReadInt32(); used > 0; used--)
        {
            int bin = reader.ReadInt32();
            histogram._counts[(uint)bin < Bins ? bin : throw new InvalidDataException($"a histogram has no bin {bin}")] = reader.ReadInt64();
        }

        return histogram;
    }

    static void Spread(double[] linear, double start, double end, double count)
    {
        int first = Math.Min((int)start, linear.Length - 1);
        int last = Math.Min((int)Math.Ceiling(end) - 1, linear.Length - 1);
        if (last <= first || end - start <= 0)
        {
            linear[first] += count;
            return;
        }

        for (int i = first; i <= last; i++)
        {
            double covered = Math.Min(end, i + 1) - Math.Max(start, i);
            linear[i] += count * covered / (end - start);
        }
    }
}
