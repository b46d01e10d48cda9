using System.Globalization;

namespace OpenAutoGlm.Cli.Load.Shape;

/// <summary>How long prompts or answers are, in tokens: always the same, anything between two numbers, or lognormal.</summary>
/// <param name="Least">The shortest.</param>
/// <param name="Most">The longest; what a lognormal number exceeds is cut.</param>
/// <param name="Median">Median of a lognormal length; 0 where every length between the two is as likely.</param>
/// <param name="Sigma">Standard deviation of its logarithm.</param>
readonly record struct Lengths(int Least, int Most, double Median = 0, double Sigma = 0)
{
    /// <summary>What flags take.</summary>
    public const string Form = "tokens (512), a range (100-800), or lognormal:MEDIAN:SIGMA (lognormal:400:0.8)";

    const int Limit = 10_000_000;
    const int LognormalCut = 16; // times the median

    /// <summary>Reads <see cref="Form"/>; null for anything else.</summary>
    public static Lengths? Parse(string text)
    {
        if (text.Split(':') is ["lognormal", var median, var sigma])
        {
            return Whole(median) is { } middle
                && double.TryParse(sigma, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double spread) && spread is > 0 and <= 4
                ? new Lengths(1, (int)Math.Min(Limit, (long)middle * LognormalCut), middle, spread)
                : null;
        }

        return text.Split('-') switch
        {
            [var only] when Whole(only) is { } tokens => new Lengths(tokens, tokens),
            [var least, var most] when Whole(least) is { } low && Whole(most) is { } high && low <= high => new Lengths(low, high),
            _ => null,
        };
    }

    /// <summary>A length.</summary>
    public int Draw(Random random) => Median > 0
        ? (int)Math.Clamp(Math.Round(Median * Math.Exp(Sigma * Normal(random))), Least, Most)
        : random.Next(Least, Most + 1);

    public override string ToString() => Median > 0
        ? string.Create(CultureInfo.InvariantCulture, $"lognormal:{Median:0}:{Sigma:0.##}")
        : Least == Most ? $"{Least}" : $"{Least}-{Most}";

    /// <summary>A normal number with mean 0 and variance 1, by Box and Muller's rule.</summary>
    internal static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    static int? Whole(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value is >= 1 and <= Limit ? value : null;
}
