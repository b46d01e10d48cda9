using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Cli.Doctor;

/// <summary>What doctor found.</summary>
sealed record DoctorReport
{
    const string HugePageSetting = "/sys/kernel/mm/transparent_hugepage/enabled";

    /// <summary>What is here.</summary>
    public required MachineReport Machine { get; init; }

    /// <summary>What it reaches; null where nobody measured.</summary>
    public MachineSpeed? Speed { get; init; }

    /// <summary>How the kernel gives out huge pages: always, madvise, never; null where nobody says.</summary>
    public string? HugePages { get; init; }

    /// <summary>The backend in its own words.</summary>
    public required string Backend { get; init; }

    /// <summary>Where models are kept.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Free bytes there.</summary>
    public required long CacheFreeBytes { get; init; }

    /// <summary>Whether there is a token for the hub; never what it is.</summary>
    public required bool HubToken { get; init; }

    /// <summary>Looks around; measuring takes about a second.</summary>
    public static DoctorReport Make(HubOptions hub, int? threads, bool measure)
    {
        using CpuBackend backend = new(new CpuOptions { Threads = threads });
        return new DoctorReport
        {
            Machine = MachineProbe.Look(),
            Speed = measure ? MachineProbe.Measure(threads) : null,
            HugePages = HugePageMode(),
            Backend = backend.Description,
            CacheFolder = hub.CacheFolder,
            CacheFreeBytes = FreeBytes(hub.CacheFolder),
            HubToken = hub.Token is not null,
        };
    }

    /// <summary>What is missing or could be better, with the remedy.</summary>
    public IEnumerable<string> Advice()
    {
        if (Machine.Extensions.Contains("avx512f") && Machine.InUse < InstructionSet.Avx512)
        {
            yield return "The processor has AVX-512, but the runtime does not offer it: look for DOTNET_EnableAVX512=0 in the environment.";
        }

        if (Machine.InUse < InstructionSet.Avx2 && RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            yield return "Without AVX2 the engine is many times slower: look for DOTNET_EnableAVX2=0 or DOTNET_EnableHWIntrinsic=0 in the environment, or take a processor of 2013 or later.";
        }

        if (HugePages == "never")
        {
            yield return $"Huge pages are off: with 'madvise' in {HugePageSetting} reading weights is 10 to 15 % faster.";
        }

        if (Machine.Memory.Available < 4L << 30)
        {
            yield return $"{Units.Bytes(Machine.Memory.Available)} of memory are available: models of more than a few billion parameters will not fit.";
        }

        if (CacheFreeBytes < 20L << 30)
        {
            yield return $"{Units.Bytes(CacheFreeBytes)} are free in {CacheFolder}: a model of 9 billion parameters takes 5 to 20 GiB. AUTOGLM_CACHE or --cache names another folder.";
        }

        if (!HubToken)
        {
            yield return "There is no hub token: public models can be pulled, gated ones need HF_TOKEN in the environment.";
        }
    }

    public JsonObject ToJson() => new()
    {
        ["runtime"] = RuntimeInformation.FrameworkDescription,
        ["operatingSystem"] = RuntimeInformation.OSDescription,
        ["processor"] = Machine.Model,
        ["architecture"] = Machine.Architecture,
        ["cores"] = Machine.Cores,
        ["usableCores"] = Machine.UsableCores,
        ["extensions"] = new JsonArray([.. Machine.Extensions.Select(extension => (JsonNode)extension)]),
        ["instructionSet"] = Machine.InUse.ToString(),
        ["caches"] = new JsonArray([.. Machine.Caches.Select(cache => (JsonNode)new JsonObject { ["level"] = cache.Level, ["bytes"] = cache.Bytes, ["sharedBy"] = cache.SharedBy })]),
        ["memoryBytes"] = Machine.Memory.Total,
        ["memoryAvailableBytes"] = Machine.Memory.Available,
        ["hugePages"] = HugePages,
        ["machine"] = Speed is null ? null : SpeedText.ToJson(Speed),
        ["backend"] = Backend,
        ["cache"] = CacheFolder,
        ["cacheFreeBytes"] = CacheFreeBytes,
        ["hubToken"] = HubToken,
        ["advice"] = new JsonArray([.. Advice().Select(advice => (JsonNode)advice)]),
    };

    public void Print(CommandConsole console)
    {
        Facts facts = new(console);
        facts.Add("processor", $"{Machine.Model} ({Machine.Architecture}), {Machine.UsableCores:0.##} of {Machine.Cores} cores usable");
        facts.Add("extensions", Machine.Extensions.IsEmpty ? "unknown" : string.Join(", ", Machine.Extensions));
        facts.Add("caches", Machine.Caches.IsEmpty ? "unknown" : string.Join(", ", Machine.Caches.Select(Text)));
        facts.Add("memory", $"{Units.Bytes(Machine.Memory.Total)}, {Units.Bytes(Machine.Memory.Available)} available; huge pages: {HugePages ?? "unknown"}{(Machine.Memory.Nodes > 1 ? $"; weights in turn at {Machine.Memory.Nodes} nodes" : "")}");
        if (Speed is not null)
        {
            facts.Add("measured", SpeedText.Of(Speed));
        }

        facts.Add("the engine uses", Backend);
        facts.Add("cache", $"{CacheFolder}, {Units.Bytes(CacheFreeBytes)} free");
        facts.Add("hub token", HubToken ? "present" : "none");
        facts.Add("runtime", $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}");
        foreach (string advice in Advice())
        {
            console.Output.WriteLine($"! {advice}");
        }
    }

    static string Text(CacheReport cache) => $"L{cache.Level} {Units.Bytes(cache.Bytes)}{(cache.SharedBy > 1 ? $" for {cache.SharedBy} cores" : "")}";

    /// <summary>Free bytes where the folder is or would be.</summary>
    static long FreeBytes(string folder)
    {
        string? existing = folder;
        while (existing is not null && !Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing);
        }

        return new DriveInfo(existing ?? "/").AvailableFreeSpace;
    }

    static string? HugePageMode()
    {
        // The kernel brackets the mode in force: always [madvise] never.
        string text = File.Exists(HugePageSetting) ? File.ReadAllText(HugePageSetting) : "";
        int start = text.IndexOf('[', StringComparison.Ordinal);
        int end = text.IndexOf(']', StringComparison.Ordinal);
        return start >= 0 && end > start ? text[(start + 1)..end] : null;
    }
}
