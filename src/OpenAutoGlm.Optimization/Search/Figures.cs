using System.Globalization;

namespace OpenAutoGlm.Optimization.Search;

/// <summary>Numbers as messages show them, with a point for the decimals on every machine.</summary>
static class Figures
{
    internal static string Short(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 100 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 0.1 => value.ToString("0.00#", CultureInfo.InvariantCulture),
        >= 0.001 => value.ToString("0.0000#", CultureInfo.InvariantCulture),
        _ => value.ToString("0.##e0", CultureInfo.InvariantCulture),
    };

    internal static string Bytes(double bytes) => bytes switch
    {
        >= 1L << 30 => $"{Short(bytes / (1L << 30))} GiB",
        >= 1L << 20 => $"{Short(bytes / (1L << 20))} MiB",
        >= 1L << 10 => $"{Short(bytes / (1L << 10))} KiB",
        _ => $"{Short(bytes)} bytes",
    };

    internal static string Seconds(double seconds) => seconds switch
    {
        >= 1 => $"{Short(seconds)} s",
        >= 1e-3 => $"{Short(seconds * 1e3)} ms",
        _ => $"{Short(seconds * 1e6)} µs",
    };
}
