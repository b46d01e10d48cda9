using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using OpenAutoGlm.Cpu.Threads;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>
/// Finds out what machine this is. Linux tells most; elsewhere the runtime's own knowledge stands in. A file of the
/// system that is missing or looks odd is passed over: a probe never fails.
/// </summary>
public static class MachineProbe
{
    static readonly ImmutableArray<string> Interesting =
    [
        "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_vbmi", "avx512_bf16", "avx512_fp16",
        "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2",
    ];

    static readonly Lazy<string> Name = new(() => NameIn(Lines("/proc/cpuinfo")));

    /// <summary>The processor's name for itself; "unknown" where the system does not tell.</summary>
    internal static string Processor => Name.Value;

    /// <summary>Looks; takes milliseconds.</summary>
    public static MachineReport Look()
    {
        string[] cpuInfo = Lines("/proc/cpuinfo");
        int cores = Math.Max(1, cpuInfo.Count(line => line.StartsWith("processor", StringComparison.Ordinal)));
        string model = NameIn(cpuInfo);
        string[] flags = (Field(cpuInfo, "flags") ?? Field(cpuInfo, "Features") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new MachineReport(
            model,
            RuntimeInformation.ProcessArchitecture.ToString(),
            cpuInfo.Length > 0 ? cores : Environment.ProcessorCount,
            UsableCores(),
            Caches(),
            Memory(),
            InstructionSets.Best,
            [.. Interesting.Where(flags.Contains)]);
    }

    /// <summary>Measures memory and arithmetic; takes about a second and 512 MiB (or an eighth of the memory available).</summary>
    /// <param name="threads">Threads; null for one on every usable core.</param>
    public static MachineSpeed Measure(int? threads = null) => Measure(threads, Math.Min(512L << 20, Math.Max(64L << 20, Memory().Available / 8)));

    internal static MachineSpeed Measure(int? threads, long bytes)
    {
        using WorkerPool pool = new(threads ?? Environment.ProcessorCount);
        using SpeedTest test = new(bytes);
        double floats = test.Floats(pool);
        return new MachineSpeed(pool.Threads, test.Read(pool), test.ReadAlone(), floats, Math.Max(floats, SpeedTest.BFloat16s(pool) ?? 0), test.Bytes(pool));
    }

    /// <summary>Cores after affinity and CPU quota; a quota may leave a part of a core.</summary>
    static double UsableCores()
    {
        double cores = Affinity.Cores() is { Length: > 0 } allowed ? allowed.Length : Environment.ProcessorCount;
        foreach (string folder in ControlGroup("cpu"))
        {
            string[] quota = Lines(Path.Combine(folder, "cpu.max")) is [string both] ? both.Split(' ') : [];
            if (quota.Length == 0)
            {
                quota = [.. Lines(Path.Combine(folder, "cpu.cfs_quota_us")), .. Lines(Path.Combine(folder, "cpu.cfs_period_us"))];
            }

            if (quota.Length == 2 && double.TryParse(quota[0], CultureInfo.InvariantCulture, out double time) && time > 0
                && double.TryParse(quota[1], CultureInfo.InvariantCulture, out double period) && period > 0)
            {
                cores = Math.Min(cores, time / period);
            }
        }

        return cores;
    }

    static MemoryReport Memory()
    {
        string[] info = Lines("/proc/meminfo");
        GCMemoryInfo runtime = GC.GetGCMemoryInfo();
        long total = KiB(Field(info, "MemTotal")) ?? runtime.TotalAvailableMemoryBytes;
        long available = KiB(Field(info, "MemAvailable")) ?? Math.Max(0, runtime.TotalAvailableMemoryBytes - runtime.MemoryLoadBytes);
        foreach (string folder in ControlGroup("memory"))
        {
            long? most = Number(folder, "memory.max") ?? Number(folder, "memory.limit_in_bytes");
            long? used = Number(folder, "memory.current") ?? Number(folder, "memory.usage_in_bytes");
            if (most is { } limit && limit < total)
            {
                // File pages that nobody uses are given back before the limit bites.
                long cache = Lines(Path.Combine(folder, "memory.stat"))
                    .Where(line => line.StartsWith("inactive_file ", StringComparison.Ordinal))
                    .Select(line => long.TryParse(line.AsSpan(14), CultureInfo.InvariantCulture, out long bytes) ? bytes : 0)
                    .FirstOrDefault();
                total = limit;
                available = Math.Min(available, Math.Max(0, limit - (used ?? 0) + cache));
            }
        }

        return new MemoryReport(total, available, Math.Max(1, MemoryNodes.Spread.Length));
    }

    static ImmutableArray<CacheReport> Caches()
    {
        List<CacheReport> caches = [];
        for (int index = 0; index < 8; index++)
        {
            string folder = $"/sys/devices/system/cpu/cpu0/cache/index{index}";
            string type = Lines($"{folder}/type").FirstOrDefault() ?? "";
            string size = Lines($"{folder}/size").FirstOrDefault() ?? "";
            if (type is "Data" or "Unified" && size.EndsWith('K')
                && int.TryParse(Lines($"{folder}/level").FirstOrDefault(), CultureInfo.InvariantCulture, out int level)
                && long.TryParse(size.AsSpan(0, size.Length - 1), CultureInfo.InvariantCulture, out long kibibytes))
            {
                caches.Add(new CacheReport(level, kibibytes << 10, Math.Max(1, NumberList.Of(Lines($"{folder}/shared_cpu_list").FirstOrDefault() ?? "").Count())));
            }
        }

        return [.. caches.OrderBy(cache => cache.Level)];
    }

    /// <summary>The folders of this process's control group and of all above it, for version 2 and for version 1.</summary>
    static IEnumerable<string> ControlGroup(string controller)
    {
        foreach (string line in Lines("/proc/self/cgroup"))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length != 3 || (parts[1].Length > 0 && !parts[1].Split(',').Contains(controller)))
            {
                continue;
            }

            string root = parts[1].Length == 0 ? "/sys/fs/cgroup" : $"/sys/fs/cgroup/{parts[1]}";
            for (string path = parts[2].TrimEnd('/'); ; path = path[..path.LastIndexOf('/')])
            {
                yield return root + path;
                if (path.Length == 0 || !path.Contains('/'))
                {
                    break;
                }
            }
        }
    }

    /// <summary>What lines of /proc/cpuinfo call the processor; Model is the board that an Arm processor sits on.</summary>
    internal static string NameIn(string[] cpuInfo)
    {
        string? cores = ArmCores.In(cpuInfo);
        return Field(cpuInfo, "model name")
            ?? (Field(cpuInfo, "Model") is { } board ? cores is null ? board : $"{board}, {cores}" : cores)
            ?? "unknown";
    }

    /// <summary>What stands behind a name and a colon; null where no line begins so.</summary>
    internal static string? Field(string[] lines, string name) => lines
        .Select(line => line.Split(':', 2))
        .Where(parts => parts.Length == 2 && parts[0].Trim() == name)
        .Select(parts => parts[1].Trim())
        .FirstOrDefault();

    static long? KiB(string? field) =>
        field is not null && long.TryParse(field.Split(' ')[0], CultureInfo.InvariantCulture, out long kibibytes) ? kibibytes << 10 : null;

    static long? Number(string folder, string file) =>
        long.TryParse(Lines(Path.Combine(folder, file)).FirstOrDefault(), CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>The lines of a file; none where it is missing or closed to us.</summary>
    internal static string[] Lines(string path)
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
