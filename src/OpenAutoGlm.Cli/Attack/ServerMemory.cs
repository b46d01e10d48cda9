using System.Globalization;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>The memory of another process of this machine.</summary>
static class ServerMemory
{
    /// <summary>Bytes that it holds, pages of mapped files included; 0 where nobody says.</summary>
    public static long Resident(int process)
    {
        const string Field = "VmRSS:";
        string source = $"/proc/{process}/status";
        string? line = File.Exists(source) ? File.ReadLines(source).FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal)) : null;
        return line is not null && long.TryParse(line[Field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long kib) ? kib * 1024 : 0;
    }
}
