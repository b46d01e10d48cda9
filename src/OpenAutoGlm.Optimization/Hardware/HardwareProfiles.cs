using System.Collections.Immutable;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Hardware;

/// <summary>
/// Machines that are known without being there. Rates of accelerators are the makers' dense ones, without sparsity. Those
/// of processors follow from cores · clock · operations a cycle, as stated beside each.
/// </summary>
public static class HardwareProfiles
{
    /// <summary>The name of the machine that the program runs on.</summary>
    public const string ThisMachine = "this-machine";

    const long GB = 1_000_000_000;
    const long GiB = 1L << 30;

    /// <summary>All of them but this machine.</summary>
    public static ImmutableArray<HardwareProfile> All { get; } =
    [
        // 4 cores · 3.0 GHz · 2 FMA of 8 lanes; int8 by maddubs and madd at twice that. 2 channels of DDR4-2666.
        Processor("avx2-8gb", "Older laptop: 4 cores, AVX2, 8 GB", 8 * GiB, 42.7e9, 0.384e12, null, 0.768e12, 0.65, "4 cores at 3.0 GHz with AVX2; two channels of DDR4-2666 (JEDEC JESD79-4)"),

        // 8 cores · 3.5 GHz · 32; AVX-VNNI at four times that. 128 bits of LPDDR5-6400.
        Processor("laptop", "Laptop: 8 cores, AVX-VNNI, 16 GB", 16 * GiB, 102.4e9, 0.896e12, null, 3.58e12, 0.75, "8 cores at 3.5 GHz with AVX-VNNI; 128 bits of LPDDR5-6400 (JEDEC JESD209-5)"),

        // 8 cores · 4.5 GHz · 32; AVX-512 BF16 at twice, VNNI at four times that. 2 channels of DDR5-5600.
        Processor("desktop", "Desktop: 8 cores, AVX-512, 32 GB", 32 * GiB, 89.6e9, 1.15e12, 2.3e12, 4.6e12, 0.85, "8 cores at 4.5 GHz with 256-bit AVX-512 units; two channels of DDR5-5600 (JEDEC JESD79-5)"),

        // 32 cores · 3.25 GHz · 32. 12 channels of DDR5-4800.
        Processor("server", "Server: 32 cores, AVX-512, 256 GB", 256 * GiB, 460.8e9, 3.3e12, 6.7e12, 13.3e12, 0.9, "AMD EPYC 9354 data sheet: 32 cores at 3.25 GHz, 12 channels of DDR5-4800, 460.8 GB/s") with { Sequences = 16 },

        // One large core at 3.3 GHz · 32 and five middle ones at 3.0 GHz · 16; half and SDOT at twice and four times that. 64 bits of LPDDR5X-8533.
        Processor("phone-arm", "Phone: Arm v9, 12 GB", 12 * GiB, 68.3e9, 0.345e12, null, 1.38e12, 0.45, "one core at 3.3 GHz and five at 3.0 GHz with NEON and dot products; 64 bits of LPDDR5X-8533 (JEDEC JESD209-5)") with { HalfOperationsPerSecond = 0.69e12, ReachedBandwidth = 0.6 },

        // 4 cores · 2.4 GHz · 16. 32 bits of LPDDR4X-4267.
        Processor("raspberry-pi-5", "Raspberry Pi 5, 8 GB", 8 * GiB, 17.1e9, 0.154e12, null, 0.614e12, 0.8, "Raspberry Pi 5 product brief: 4 Cortex-A76 at 2.4 GHz, LPDDR4X-4267") with { HalfOperationsPerSecond = 0.307e12, ReachedBandwidth = 0.6 },

        Accelerator("t4", "NVIDIA T4, 16 GB", 16 * GB, 320e9, 8.1e12, 65e12, null, 130e12, 260e12, 4, "NVIDIA T4 data sheet"),
        Accelerator("v100", "NVIDIA V100 SXM2, 32 GB", 32 * GB, 900e9, 15.7e12, 125e12, null, null, null, 8, "NVIDIA V100 data sheet"),
        Accelerator("l4", "NVIDIA L4, 24 GB", 24 * GB, 300e9, 30.3e12, 121e12, 121e12, 242e12, null, 8, "NVIDIA L4 data sheet; half of its rates with sparsity"),
        Accelerator("l40s", "NVIDIA L40S, 48 GB", 48 * GB, 864e9, 91.6e12, 362e12, 362e12, 733e12, null, 16, "NVIDIA L40S data sheet"),
        Accelerator("a100-40", "NVIDIA A100 SXM, 40 GB", 40 * GB, 1555e9, 19.5e12, 312e12, 312e12, 624e12, 1248e12, 16, "NVIDIA A100 data sheet and architecture whitepaper"),
        Accelerator("a100-80", "NVIDIA A100 SXM, 80 GB", 80 * GB, 2039e9, 19.5e12, 312e12, 312e12, 624e12, 1248e12, 32, "NVIDIA A100 data sheet and architecture whitepaper"),
        Accelerator("h100", "NVIDIA H100 SXM, 80 GB", 80 * GB, 3350e9, 67e12, 989e12, 989e12, 1979e12, null, 32, "NVIDIA H100 data sheet; half of its rates with sparsity"),
        Accelerator("h200", "NVIDIA H200 SXM, 141 GB", 141 * GB, 4800e9, 67e12, 989e12, 989e12, 1979e12, null, 64, "NVIDIA H200 data sheet; half of its rates with sparsity"),
        Accelerator("rtx-3090", "NVIDIA GeForce RTX 3090, 24 GB", 24 * GB, 936e9, 35.6e12, 71e12, 71e12, 284e12, 568e12, 4, "NVIDIA Ampere GA102 whitepaper; halves summed to float32"),
        Accelerator("rtx-4090", "NVIDIA GeForce RTX 4090, 24 GB", 24 * GB, 1008e9, 82.6e12, 165.2e12, 165.2e12, 660.6e12, 1321.2e12, 8, "NVIDIA Ada architecture whitepaper, appendix A; halves summed to float32"),
    ];

    /// <summary>Other names that people use.</summary>
    static readonly ImmutableDictionary<string, string> Others = ImmutableDictionary.CreateRange(StringComparer.OrdinalIgnoreCase,
    [
        KeyValuePair.Create("a100", "a100-80"), KeyValuePair.Create("a100-40gb", "a100-40"), KeyValuePair.Create("a100-80gb", "a100-80"), KeyValuePair.Create("rtx4090", "rtx-4090"),
        KeyValuePair.Create("4090", "rtx-4090"), KeyValuePair.Create("rtx3090", "rtx-3090"), KeyValuePair.Create("3090", "rtx-3090"), KeyValuePair.Create("phone", "phone-arm"), KeyValuePair.Create("pi5", "raspberry-pi-5"),
    ]);

    /// <summary>Names that are known, this machine first.</summary>
    public static ImmutableArray<string> Names { get; } = [ThisMachine, .. All.Select(profile => profile.Name)];

    /// <summary>Finds a profile by name, or reads it from a file of JSON.</summary>
    /// <param name="nameOrPath">A name in any case, or the path of a file that ends in .json.</param>
    /// <param name="thisMachine">Measures this machine, if that is asked for.</param>
    /// <exception cref="ArgumentException">Nothing has this name; the message lists what has, the nearest first.</exception>
    /// <exception cref="FormatException">The file holds no profile.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static HardwareProfile Find(string nameOrPath, Func<HardwareProfile> thisMachine)
    {
        if (nameOrPath.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return HardwareProfile.FromJson(File.ReadAllText(nameOrPath));
        }

        if (nameOrPath.Equals(ThisMachine, StringComparison.OrdinalIgnoreCase))
        {
            return thisMachine();
        }

        string name = Others.GetValueOrDefault(nameOrPath, nameOrPath);
        return All.FirstOrDefault(profile => profile.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException(
                $"No hardware profile is called '{nameOrPath}'. Did you mean '{Nearest(nameOrPath)}'? Known are {string.Join(", ", Names)}, and files of your own that end in .json.", nameof(nameOrPath));
    }

    /// <summary>The known name that takes the fewest changes of a letter. Source: Levenshtein 1966.</summary>
    static string Nearest(string name) => Names.Concat(Others.Keys).MinBy(known => (Changes(known, name.ToLowerInvariant()), known))!;

    static int Changes(string a, string b)
    {
        int[] above = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int corner = above[0];
            above[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int changed = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
                corner = above[j];
                above[j] = Math.Min(changed, Math.Min(above[j], above[j - 1]) + 1);
            }
        }

        return above[^1];
    }

    static HardwareProfile Processor(string name, string title, long memory, double read, double floats, double? bfloats, double? bytes, double usable, string source) => new()
    {
        Name = name,
        Title = title,
        Kind = HardwareKind.Processor,
        MemoryBytes = memory,
        ReadBytesPerSecond = read,
        FloatOperationsPerSecond = floats,
        BFloat16OperationsPerSecond = bfloats,
        ByteOperationsPerSecond = bytes,
        ReachedBandwidth = 0.75,
        ReachedArithmetic = 0.6,
        UsableMemory = usable,
        Source = source,
        WeightFormat = TensorFormat.Q4_K,
        KvFormat = TensorFormat.Q8_0,
    };

    static HardwareProfile Accelerator(string name, string title, long memory, double read, double floats, double? halves, double? bfloats, double? bytes, double? nibbles, int sequences, string source) => new()
    {
        Name = name,
        Title = title,
        Kind = HardwareKind.Accelerator,
        MemoryBytes = memory,
        ReadBytesPerSecond = read,
        FloatOperationsPerSecond = floats,
        HalfOperationsPerSecond = halves,
        BFloat16OperationsPerSecond = bfloats,
        ByteOperationsPerSecond = bytes,
        NibbleOperationsPerSecond = nibbles,
        Source = source,
        Sequences = sequences,
        WeightFormat = memory >= 40 * GB ? TensorFormat.Q8_0 : TensorFormat.Q4_K,
        KvFormat = bfloats is null ? TensorFormat.F16 : TensorFormat.BF16,
    };
}
