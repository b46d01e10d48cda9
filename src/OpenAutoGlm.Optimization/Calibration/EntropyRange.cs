namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// The range whose rounded distribution loses least information: the magnitudes are laid out in 2048 equal bins; for every
/// candidate range of whole bins, the part inside with the clipped mass added to its last bin (P) is compared by KL(P ‖ Q) with
/// the part inside after its bins were merged into the levels of the format and spread out again over those that were not
/// empty (Q). Source: Migacz, "8-bit Inference with TensorRT", GTC 2017.
/// </summary>
/// <param name="Bits">Bits of the format, 2 to 8.</param>
public sealed record EntropyRange(int Bits = 8) : ClippingRule
{
    const int LinearBins = 2048;

    /// <inheritdoc/>
    public override string Name => "entropy";

    private protected override double Choose(MagnitudeHistogram histogram)
    {
        if (Bits is < 2 or > 8)
        {
            throw new ArgumentOutOfRangeException(nameof(Bits), Bits, "The entropy rule chooses ranges for 2 to 8 bits.");
        }

        double[] bins = histogram.Linear(LinearBins);
        int levels = 1 << (Bits - 1);
        double[] mass = Cumulative(bins, bin => bin);
        double[] filled = Cumulative(bins, bin => bin > 0 ? 1 : 0);
        (int best, double least) = (LinearBins, double.PositiveInfinity);
        for (int end = levels; end <= LinearBins; end++)
        {
            double divergence = Divergence(bins, mass, filled, end, levels);
            if (divergence < least)
            {
                (best, least) = (end, divergence);
            }
        }

        return (double)histogram.Max * best / LinearBins;
    }

    static double Divergence(double[] bins, double[] mass, double[] filled, int end, int levels)
    {
        (double inside, double all) = (mass[end], mass[^1]);
        if (inside <= 0)
        {
            return double.PositiveInfinity;
        }

        double divergence = 0;
        for (int level = 0; level < levels; level++)
        {
            int start = (int)((long)level * end / levels);
            int stop = (int)((long)(level + 1) * end / levels);
            double used = filled[stop] - filled[start];
            double spread = used > 0 ? (mass[stop] - mass[start]) / used / inside : 0;
            for (int i = start; i < stop; i++)
            {
                double p = (bins[i] + (i == end - 1 ? all - inside : 0)) / all;
                if (p > 0)
                {
                    double q = bins[i] > 0 ? spread : 0;
                    divergence += q > 0 ? p * Math.Log(p / q) : double.PositiveInfinity;
                }
            }
        }

        return divergence;
    }

    static double[] Cumulative(double[] bins, Func<double, double> count)
    {
        double[] sums = new double[bins.Length + 1];
        for (int i = 0; i < bins.Length; i++)
        {
            sums[i + 1] = sums[i] + count(bins[i]);
        }

        return sums;
    }
}
