using System.Globalization;

namespace OpenAutoGlm.Cli.Consoles;

/// <summary>The memory of this process.</summary>
static class ProcessMemory
{
    /// <summary>Gives back what loading a model has left on the managed heap: some ten megabytes, which would stay with the process as long as the model, which allocates hardly anything, makes no use of them.</summary>
    public static void ReturnGarbage() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

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
