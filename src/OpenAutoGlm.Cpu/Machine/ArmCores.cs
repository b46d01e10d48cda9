using System.Collections.Frozen;
using System.Globalization;

namespace OpenAutoGlm.Cpu.Machine;

/// <summary>
/// Names of Arm cores, which say of themselves only who made them and which part they are (MIDR_EL1). The numbers are those
/// of Linux, arch/arm64/include/asm/cputype.h.
/// </summary>
static class ArmCores
{
    static readonly FrozenDictionary<(int Maker, int Part), string> Names = new Dictionary<(int, int), string>
    {
        [(0x41, 0xd03)] = "Cortex-A53",
        [(0x41, 0xd05)] = "Cortex-A55",
        [(0x41, 0xd07)] = "Cortex-A57",
        [(0x41, 0xd08)] = "Cortex-A72",
        [(0x41, 0xd09)] = "Cortex-A73",
        [(0x41, 0xd0a)] = "Cortex-A75",
        [(0x41, 0xd0b)] = "Cortex-A76",
        [(0x41, 0xd0c)] = "Neoverse-N1",
        [(0x41, 0xd0d)] = "Cortex-A77",
        [(0x41, 0xd40)] = "Neoverse-V1",
        [(0x41, 0xd41)] = "Cortex-A78",
        [(0x41, 0xd44)] = "Cortex-X1",
        [(0x41, 0xd46)] = "Cortex-A510",
        [(0x41, 0xd47)] = "Cortex-A710",
        [(0x41, 0xd48)] = "Cortex-X2",
        [(0x41, 0xd49)] = "Neoverse-N2",
        [(0x41, 0xd4d)] = "Cortex-A715",
        [(0x41, 0xd4e)] = "Cortex-X3",
        [(0x41, 0xd4f)] = "Neoverse-V2",
        [(0x41, 0xd80)] = "Cortex-A520",
        [(0x41, 0xd81)] = "Cortex-A720",
        [(0x41, 0xd82)] = "Cortex-X4",
        [(0x41, 0xd84)] = "Neoverse-V3",
        [(0x41, 0xd8e)] = "Neoverse-N3",
        [(0x48, 0xd01)] = "Kunpeng-920",
        [(0xc0, 0xac3)] = "Ampere-1",
        [(0xc0, 0xac4)] = "Ampere-1a",
    }.ToFrozenDictionary();

    /// <summary>The kinds of cores in the lines of /proc/cpuinfo, those that are there most often first; null where none says what it is.</summary>
    internal static string? In(IEnumerable<string> cpuInfo)
    {
        List<string> cores = [];
        int maker = 0;
        foreach (string line in cpuInfo)
        {
            if (line.Split(':', 2) is [string name, string value])
            {
                switch (name.Trim())
                {
                    case "CPU implementer":
                        maker = Number(value);
                        break;
                    case "CPU part":
                        cores.Add(Names.GetValueOrDefault((maker, Number(value))) ?? $"Arm core 0x{maker:x2}:0x{Number(value):x3}");
                        break;
                }
            }
        }

        return cores.Count == 0 ? null : string.Join(" and ", cores.CountBy(core => core).OrderByDescending(kind => kind.Value).Select(kind => kind.Key));
    }

    static int Number(string value) =>
        value.Trim() is ['0', 'x', .. string digits] && int.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
