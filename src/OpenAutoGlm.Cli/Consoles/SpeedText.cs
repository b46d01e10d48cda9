using System.Text.Json.Nodes;
using OpenAutoGlm.Cpu.Machine;

namespace OpenAutoGlm.Cli.Consoles;

/// <summary>What a machine reached, in words and for programs.</summary>
static class SpeedText
{
    public static string Of(MachineSpeed speed) =>
        $"reads {Units.Bandwidth(speed.ReadBytesPerSecond)} · int8 {Units.Count(speed.ByteOperationsPerSecond)}OP/s · bf16 {Units.Count(speed.BFloat16OperationsPerSecond)}FLOP/s · fp32 {Units.Count(speed.FloatOperationsPerSecond)}FLOP/s · {speed.Threads} {(speed.Threads == 1 ? "thread" : "threads")}";

    public static JsonObject ToJson(MachineSpeed speed) => new()
    {
        ["readBandwidthGBs"] = Math.Round(speed.ReadBytesPerSecond / 1e9, 2),
        ["readBandwidthOneThreadGBs"] = Math.Round(speed.ReadBytesPerSecondOneThread / 1e9, 2),
        ["int8Gops"] = Math.Round(speed.ByteOperationsPerSecond / 1e9, 1),
        ["bf16Gflops"] = Math.Round(speed.BFloat16OperationsPerSecond / 1e9, 1),
        ["fp32Gflops"] = Math.Round(speed.FloatOperationsPerSecond / 1e9, 1),
        ["threads"] = speed.Threads,
    };
}
