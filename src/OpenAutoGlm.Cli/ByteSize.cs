using System.Globalization;

namespace OpenAutoGlm.Cli;

/// <summary>Sizes as people write them: 512M, 4G, 6.5GiB, 1000000. Units are powers of 1,024.</summary>
static class ByteSize
{
    const string Units = "KMGT";

    /// <summary>Reads a positive size.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        string number = text.Trim().ToUpperInvariant();
        number = number.EndsWith("IB", StringComparison.Ordinal) ? number[..^2] : number.EndsWith('B') ? number[..^1] : number;
        int unit = number.Length == 0 ? -1 : Units.IndexOf(number[^1], StringComparison.Ordinal);
        string digits = (unit < 0 ? number : number[..^1]).TrimEnd();
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
        {
            return false;
        }

        double size = value * Math.Pow(1024, unit + 1);
        bytes = size is >= 1 and < long.MaxValue ? (long)size : 0;
        return bytes > 0;
    }
}
