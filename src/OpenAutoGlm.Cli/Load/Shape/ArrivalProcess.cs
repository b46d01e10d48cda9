using System.Globalization;

namespace OpenAutoGlm.Cli.Load.Shape;

/// <summary>
/// Instants at which requests come. Gaps with a mean of one request are drawn first and then laid along the profile of
/// rates, so that one process serves every profile. A gap is gamma distributed with the burstiness as its shape: 1 is
/// the Poisson process, less comes in bursts, more comes evenly, and infinity at equal distances.
/// </summary>
/// <param name="Profile">Requests per second, over time.</param>
/// <param name="Burstiness">Shape of the gaps, above 0; infinite for a constant rate.</param>
sealed record ArrivalProcess(RateProfile Profile, double Burstiness)
{
    public const double Constant = double.PositiveInfinity;
    public const double Poisson = 1;

    /// <summary>How reports call the gaps.</summary>
    public string Kind => Burstiness switch
    {
        Poisson => "poisson",
        Constant => "constant",
        _ => string.Create(CultureInfo.InvariantCulture, $"gamma {Burstiness:0.##}"),
    };

    /// <summary>The instants in seconds, the first after one gap; endless where the profile is.</summary>
    public IEnumerable<double> Instants(int seed)
    {
        Random random = new(seed);
        double requests = 0;
        while (true)
        {
            requests += double.IsInfinity(Burstiness) ? 1 : Gamma(random, Burstiness) / Burstiness;
            if (Profile.SecondsUntil(requests) is not { } instant)
            {
                yield break;
            }

            yield return instant;
        }
    }

    /// <summary>A gamma distributed number with scale 1. Source: Marsaglia and Tsang 2000.</summary>
    static double Gamma(Random random, double shape)
    {
        if (shape < 1)
        {
            return Gamma(random, shape + 1) * Math.Pow(1 - random.NextDouble(), 1 / shape);
        }

        double d = shape - (1.0 / 3);
        double c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double normal = Lengths.Normal(random);
            double cube = 1 + (c * normal);
            if (cube <= 0)
            {
                continue;
            }

            double v = cube * cube * cube;
            if (Math.Log(1 - random.NextDouble()) < (normal * normal / 2) + d - (d * v) + (d * Math.Log(v)))
            {
                return d * v;
            }
        }
    }
}
