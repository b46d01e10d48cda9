using System.Globalization;

namespace OpenAutoGlm.Cli.Doctor;

/// <summary>The memory that this process may use.</summary>
/// <param name="TotalBytes">What the machine, or the control group, has.</param>
/// <param name="AvailableBytes">What is free or can be freed now.</param>
/// <param name="HugePages">How the kernel gives out transparent huge pages: always, madvise, never; null where nobody says.</param>
sealed record MemoryFacts(long TotalBytes, long AvailableBytes, string? HugePages)
{
    /// <summary>Asks the runtime, which knows limits of control groups, and the kernel.</summary>
    public static MemoryFacts Read()
    {
        long total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return new MemoryFacts(total, Math.Min(total, Available() ?? total), HugePageMode());
    }

    /// <summary>The most memory that this process has held, mapped files included; null where nobody says.</summary>
    public static long? PeakBytes() => Kibibytes("/proc/self/status", "VmHWM:");

    static long? Available() => Kibibytes("/proc/meminfo", "MemAvailable:");

    static long? Kibibytes(string source, string field)
    {
        string? line = File.Exists(source) ? File.ReadLines(source).FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal)) : null;
        return line is not null && long.TryParse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long kib)
            ? kib * 1024
            : null;
    }

    static string? HugePageMode()
    {
        // The kernel brackets the mode in force: always [madvise] never.
        const string Source = "/sys/kernel/mm/transparent_hugepage/enabled";
        string text = File.Exists(Source) ? File.ReadAllText(Source) : "";
        int start = text.IndexOf('[', StringComparison.Ordinal);
        int end = text.IndexOf(']', StringComparison.Ordinal);
        return start >= 0 && end > start ? text[(start + 1)..end] : null;
    }
}
