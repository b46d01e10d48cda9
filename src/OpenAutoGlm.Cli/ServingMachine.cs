using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Cli;

/// <summary>What doctor knows of the machine, as the server's dashboard tells it.</summary>
static class ServingMachine
{
    /// <summary>Looks; takes milliseconds.</summary>
    public static MachineFacts Look()
    {
        MachineReport machine = MachineProbe.Look();
        return new MachineFacts
        {
            Processor = machine.Model,
            Architecture = machine.Architecture,
            Cores = machine.Cores,
            UsableCores = machine.UsableCores,
            InstructionSet = machine.InUse.ToString(),
            Extensions = machine.Extensions,
            MemoryBytes = machine.Memory.Total,
        };
    }

    /// <summary>Measures; takes about a second of all cores, which the engine's work shares meanwhile.</summary>
    public static MachineLimits Measure()
    {
        MachineSpeed speed = MachineProbe.Measure();
        return new MachineLimits(speed.ReadBytesPerSecond, speed.FloatOperationsPerSecond, speed.ByteOperationsPerSecond);
    }
}
