using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Cli.Doctor;

/// <summary>What doctor found.</summary>
sealed record DoctorReport
{
    public required ProcessorFacts Processor { get; init; }

    public required MemoryFacts Memory { get; init; }

    public required string Backend { get; init; }

    public required string CacheFolder { get; init; }

    public required long CacheFreeBytes { get; init; }

    public required bool HubToken { get; init; }

    /// <summary>What is missing or could be better, with the remedy.</summary>
    public required IReadOnlyList<string> Advice { get; init; }

    public static DoctorReport Make(string? cache, int? threads, bool measure, CancellationToken cancellation)
    {
        (_, _) = (measure, cancellation);
        ProcessorFacts processor = ProcessorFacts.Read();
        MemoryFacts memory = MemoryFacts.Read();
        using CpuBackend backend = new(new CpuOptions { Threads = threads });
        string folder = Path.GetFullPath(cache ?? HubOptions.FromEnvironment().CacheFolder);
        bool token = HubOptions.FromEnvironment().Token is not null;
        return new DoctorReport
        {
            Processor = processor,
            Memory = memory,
            Backend = backend.Description,
            CacheFolder = folder,
            CacheFreeBytes = FreeBytes(folder),
            HubToken = token,
            Advice = [.. Advise(processor, memory, token)],
        };
    }

    public JsonObject ToJson() => new()
    {
        ["runtime"] = RuntimeInformation.FrameworkDescription,
        ["operatingSystem"] = RuntimeInformation.OSDescription,
        ["processor"] = Processor.Name,
        ["cores"] = Environment.ProcessorCount,
        ["instructionSets"] = new JsonArray([.. Processor.InstructionSets.Select(set => (JsonNode)set)]),
        ["memoryBytes"] = Memory.TotalBytes,
        ["memoryAvailableBytes"] = Memory.AvailableBytes,
        ["hugePages"] = Memory.HugePages,
        ["backend"] = Backend,
        ["cache"] = CacheFolder,
        ["cacheFreeBytes"] = CacheFreeBytes,
        ["hubToken"] = HubToken,
        ["advice"] = new JsonArray([.. Advice.Select(advice => (JsonNode)advice)]),
    };

    public void Print(CommandConsole console)
    {
        Facts facts = new(console);
        facts.Add("processor", $"{Processor.Name}, {Environment.ProcessorCount} cores usable");
        facts.Add("instructions", string.Join(", ", Processor.InstructionSets));
        facts.Add("memory", $"{Units.Bytes(Memory.TotalBytes)}, {Units.Bytes(Memory.AvailableBytes)} available; huge pages: {Memory.HugePages ?? "unknown"}");
        facts.Add("the engine uses", Backend);
        facts.Add("cache", $"{CacheFolder} ({Units.Bytes(CacheFreeBytes)} free)");
        facts.Add("hub token", HubToken ? "present" : "none");
        facts.Add("runtime", $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}");
        foreach (string advice in Advice)
        {
            console.Output.WriteLine($"! {advice}");
        }
    }

    static IEnumerable<string> Advise(ProcessorFacts processor, MemoryFacts memory, bool token)
    {
        if (processor.Flags.Contains("avx512f") && InstructionSets.Best < InstructionSet.Avx512)
        {
            yield return "The processor has AVX-512, but the runtime does not offer it: look for DOTNET_EnableAVX512=0 in the environment.";
        }

        if (InstructionSets.Best < InstructionSet.Avx2 && RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            yield return "Without AVX2 the engine is many times slower: look for DOTNET_EnableAVX2=0, or use a processor of 2013 or later.";
        }

        if (memory.HugePages == "never")
        {
            yield return "Huge pages are off; with 'madvise' in /sys/kernel/mm/transparent_hugepage/enabled reading weights is 10-15 % faster.";
        }

        if (memory.AvailableBytes < 4L << 30)
        {
            yield return $"Only {Units.Bytes(memory.AvailableBytes)} of memory are available: models beyond a billion parameters will not fit.";
        }

        if (!token)
        {
            yield return "No Hugging Face token: public models can be pulled, gated ones need HF_TOKEN.";
        }
    }

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
}
