using System.Globalization;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>How much memory keys and values may take where nobody says.</summary>
static class KvBudget
{
    const long Bound = 4L << 30;

    /// <summary>
    /// Half of the memory that is available to this process (the control group's limit counts), but no more than every
    /// sequence can use at full length, and no more than 4 GiB or one sequence of full length, whichever is larger.
    /// </summary>
    internal static long Default(long bytesOfOneSequence, int sequences)
    {
        long most = Math.Max(Bound, bytesOfOneSequence);
        long wanted = bytesOfOneSequence > most / sequences ? most : bytesOfOneSequence * sequences;
        return Math.Min(wanted, AvailableBytes("/") / 2);
    }

    /// <summary>
    /// What the machine and the control group still have to give, the page cache counted as free. Read under
    /// <paramref name="root"/>, so that tests can bring their own /proc and /sys; without either, what the runtime says.
    /// </summary>
    internal static long AvailableBytes(string root)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (Field(Path.Combine(root, "proc/meminfo"), "MemAvailable:") is { } kibibytes)
        {
            available = Math.Min(available, kibibytes * 1024);
        }

        string group = Path.Combine(root, "sys/fs/cgroup");
        if (Number(Path.Combine(group, "memory.max")) is { } limit && Number(Path.Combine(group, "memory.current")) is { } used)
        {
            long cache = Field(Path.Combine(group, "memory.stat"), "file") ?? 0;
            available = Math.Min(available, Math.Max(0, limit - Math.Max(0, used - cache)));
        }

        return available;
    }

    static long? Field(string path, string name)
    {
        foreach (string line in Lines(path))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2 && words[0] == name)
            {
                return Parse(words[1]);
            }
        }

        return null;
    }

    // A group without a limit says "max", which is no number.
    static long? Number(string path) => Lines(path) is [{ } line, ..] ? Parse(line.Trim()) : null;

    static long? Parse(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
