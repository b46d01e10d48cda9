using System.Globalization;

namespace OpenAutoGlm.Cli.Consoles;

/// <summary>The memory of this process.</summary>
static class ProcessMemory
{
    /// <summary>The most that this process has held, pages of mapped files included; null where nobody says.</summary>
    public static long? PeakBytes()
    {
        const string Source = "/proc/self/status";
        const string Field = "VmHWM:";
        string? line = File.Exists(Source) ? File.ReadLines(Source).FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal)) : null;
        return line is not null && long.TryParse(line[Field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long kib)
            ? kib * 1024
            : null;
    }
}
