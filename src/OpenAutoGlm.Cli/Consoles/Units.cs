using System.Globalization;

namespace OpenAutoGlm.Cli.Consoles;

/// <summary>Numbers as people read them, with a point for the decimals on every machine.</summary>
static class Units
{
    static readonly string[] ByteUnits = ["bytes", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>1536 → 1.5 KiB.</summary>
    public static string Bytes(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (Math.Abs(value) >= 1024 && unit < ByteUnits.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0 ? $"{bytes} bytes" : $"{Short(value)} {ByteUnits[unit]}";
    }

    /// <summary>9400000000 → 9.4 G; for parameters and operations.</summary>
    public static string Count(double count) => count switch
    {
        >= 1e12 => $"{Short(count / 1e12)} T",
        >= 1e9 => $"{Short(count / 1e9)} G",
        >= 1e6 => $"{Short(count / 1e6)} M",
        >= 1e3 => $"{Short(count / 1e3)} k",
        _ => Short(count),
    };

    /// <summary>Bytes per second in 10⁹, the unit of memory makers.</summary>
    public static string Bandwidth(double bytesPerSecond) => $"{Short(bytesPerSecond / 1e9)} GB/s";

    /// <summary>90 → 1.5 min.</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 0.001 => $"{Short(time.TotalMicroseconds)} µs",
        < 1 => $"{Short(time.TotalMilliseconds)} ms",
        < 60 => $"{Short(time.TotalSeconds)} s",
        < 3600 => $"{Short(time.TotalMinutes)} min",
        _ => $"{Short(time.TotalHours)} h",
    };

    /// <summary>Three digits that matter.</summary>
    public static string Short(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 0.1 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };
}
