using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace OpenAutoGlm.Cpu.Emit;

/// <summary>Instructions beyond those of the runtime that emitted code may use.</summary>
[Flags]
enum EmittedFeatures
{
    None = 0,

    /// <summary>512-bit vpdpbusd: four products of bytes added to an int32.</summary>
    Vnni = 1,

    /// <summary>512-bit vdpbf16ps: two products of bfloat16 added to a float32.</summary>
    BFloat16 = 2,

    /// <summary>The matrix unit: tiles of int8 and of bfloat16 multiplied as a whole.</summary>
    Matrix = 4,
}

/// <summary>
/// The order in which products of two rows of bfloat16 are added up. Instructions decide it, so it is the one thing in which machines
/// differ; on one machine there is one order, whatever the batch, and each can be followed everywhere, if slowly.
/// </summary>
enum PairOrder
{
    /// <summary>That of vdpbf16ps: for each pair in rising k, one fused multiply-add of the odd elements, then one of the even ones.</summary>
    Pairs,

    /// <summary>
    /// That of tdpbf16ps: of each 32 elements in rising k (for the values of attention, sixteen tokens), the products of the even ones are added up by themselves with fused multiply-adds, and
    /// those of the odd ones; their sum is added to what is there. As the instruction has it for rows of 64 bytes that fill a tile; other k are added up in pairs.
    /// </summary>
    Tiles,
}

/// <summary>
/// The functions that a backend has emitted, each once, by name. Where code cannot be made at run time, or the
/// processor lacks what it would use, there are no features, and the kernels written with intrinsics serve.
/// </summary>
sealed class CodeLibrary(EmittedFeatures features) : IDisposable
{
    /// <summary>The environment variable that names what is not to be used, of "vnni", "bf16" and "amx": for comparing.</summary>
    internal const string UnwantedVariable = "AUTOGLM_WITHOUT";

    static readonly Lazy<EmittedFeatures> Machine = new(Detect);

    readonly ConcurrentDictionary<string, MachineCode> _codes = new(StringComparer.Ordinal);

    /// <summary>A library that emits nothing.</summary>
    internal static CodeLibrary Empty => new(EmittedFeatures.None);

    /// <summary>What emitted code may use.</summary>
    internal EmittedFeatures Features => features;

    /// <summary>Whether vdpbf16ps is taken for faster than the multiply-adds that it stands for; null for as it is measured.</summary>
    internal bool? PairsAreFaster { get; init; }

    /// <summary>The order in which products of BF16 are added up; if nothing else is said that of this machine, whatever may be emitted, so that all its ways of computing agree.</summary>
    internal PairOrder Order { get; init; } = (Machine.Value & EmittedFeatures.Matrix) != 0 ? PairOrder.Tiles : PairOrder.Pairs;

    /// <summary>
    /// Whether a product of one row asks for weights that it will want. AMD's processors (Zen 4 was measured) read a stream as fast as they can by themselves, and asking slows it down;
    /// Intel's stop at every page. With more rows there is too much to do for a line on either.
    /// </summary>
    internal bool FetchesForOneRow { get; init; } = !IsAmd;

    /// <summary>
    /// How often panels are rather taken apart in registers, for eight rows each time, than once into a strip for tiles. A strip is many stores, and AMD's processors (Zen 4 was measured) take two
    /// cycles for 64 bytes; Intel's take one, and the instructions that take codes apart compete with the products there.
    /// </summary>
    internal int PassesInRegisters { get; init; } = IsAmd ? 4 : 2;

    /// <summary>Whether quantised weights are multiplied as BF16, where the matrix unit does it.</summary>
    internal bool TakesAllAsBFloat16 { get; init; }

    /// <summary>What has been emitted so far, by name.</summary>
    internal IEnumerable<MachineCode> Codes => _codes.Values.OrderBy(code => code.Name, StringComparer.Ordinal);

    /// <summary>What this machine allows beside an instruction set: emitted code is written for 512 bits only.</summary>
    internal static EmittedFeatures Allowed(InstructionSet set) => set == InstructionSet.Avx512 ? Machine.Value : EmittedFeatures.None;

    internal bool Has(EmittedFeatures wanted) => (features & wanted) == wanted;

    /// <summary>The function of that name, emitted when it is asked for the first time.</summary>
    internal MachineCode Get(string name, Action<Assembler> write) => _codes.GetOrAdd(name, key => MachineCode.Assemble(key, write));

    public void Dispose()
    {
        foreach (MachineCode code in _codes.Values)
        {
            code.Dispose();
        }
    }

    /// <summary>Whether CPUID leaf 0 says "AuthenticAMD", in EBX, EDX and ECX.</summary>
    static bool IsAmd => X86Base.IsSupported && X86Base.CpuId(0, 0) is (_, 0x68747541, 0x444D4163, 0x69746E65);

    static EmittedFeatures Detect()
    {
        if (OperatingSystem.IsWindows() || RuntimeInformation.ProcessArchitecture != Architecture.X64 || !X86Base.IsSupported)
        {
            return EmittedFeatures.None;
        }

        try
        {
            using MachineCode probe = MachineCode.Assemble("probe", assembler => assembler.ret());
        }
        catch (NotSupportedException)
        {
            return EmittedFeatures.None;
        }

        // CPUID leaf 7: subleaf 0, ECX bit 11 is AVX512_VNNI; subleaf 1, EAX bit 5 is AVX512_BF16.
        (_, _, int ecx, _) = X86Base.CpuId(7, 0);
        (int eax, _, _, _) = X86Base.CpuId(7, 1);
        EmittedFeatures found = ((ecx & (1 << 11)) != 0 ? EmittedFeatures.Vnni : 0) | ((eax & (1 << 5)) != 0 ? EmittedFeatures.BFloat16 : 0);
        EmittedFeatures unwanted = Unwanted(Environment.GetEnvironmentVariable(UnwantedVariable));
        found &= ~unwanted;
        bool wantsMatrix = found == (EmittedFeatures.Vnni | EmittedFeatures.BFloat16) && (unwanted & EmittedFeatures.Matrix) == 0;
        return wantsMatrix && MatrixUnit.Request() ? found | EmittedFeatures.Matrix : found;
    }

    /// <summary>What a list of names stands for.</summary>
    internal static EmittedFeatures Unwanted(string? names)
    {
        EmittedFeatures unwanted = EmittedFeatures.None;
        foreach (string name in (names ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            unwanted |= name.ToUpperInvariant() switch
            {
                "VNNI" => EmittedFeatures.Vnni,
                "BF16" => EmittedFeatures.BFloat16,
                "AMX" => EmittedFeatures.Matrix,
                _ => throw new NotSupportedException($"{UnwantedVariable} names '{name}'; it knows vnni, bf16 and amx."),
            };
        }

        return unwanted;
    }
}
