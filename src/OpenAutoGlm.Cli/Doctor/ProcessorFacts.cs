using System.Runtime.InteropServices;

namespace OpenAutoGlm.Cli.Doctor;

/// <summary>What the operating system says of the processor. Empty where it says nothing.</summary>
/// <param name="Name">The maker's name.</param>
/// <param name="Flags">Instruction sets in the kernel's spelling: avx2, avx512_vnni, …</param>
sealed record ProcessorFacts(string Name, IReadOnlySet<string> Flags)
{
    /// <summary>Sets that matter to matrix products: the kernel's spelling, and ours.</summary>
    static readonly (string Flag, string Name)[] Known =
    [
        ("avx2", "AVX2"), ("fma", "FMA"), ("f16c", "F16C"), ("avx_vnni", "AVX-VNNI"), ("avx512f", "AVX-512 F"), ("avx512bw", "AVX-512 BW"),
        ("avx512_vnni", "AVX-512 VNNI"), ("avx512_bf16", "AVX-512 BF16"), ("avx512_fp16", "AVX-512 FP16"), ("amx_int8", "AMX INT8"), ("amx_bf16", "AMX BF16"),
        ("asimd", "NEON"), ("asimddp", "dot product"), ("i8mm", "I8MM"), ("sve", "SVE"), ("bf16", "BF16"),
    ];

    /// <summary>Those that are there, in our spelling.</summary>
    public IEnumerable<string> InstructionSets => Known.Where(set => Flags.Contains(set.Flag)).Select(set => set.Name);

    /// <summary>Reads /proc/cpuinfo.</summary>
    public static ProcessorFacts Read()
    {
        const string Source = "/proc/cpuinfo";
        string[] lines = File.Exists(Source) ? File.ReadAllLines(Source) : [];
        return new ProcessorFacts(
            Field(lines, "model name") ?? Field(lines, "Model") ?? RuntimeInformation.ProcessArchitecture.ToString(),
            (Field(lines, "flags") ?? Field(lines, "Features") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet());
    }

    static string? Field(string[] lines, string name)
    {
        string? line = lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal) && line[name.Length..].TrimStart().StartsWith(':'));
        return line?[(line.IndexOf(':') + 1)..].Trim();
    }
}
