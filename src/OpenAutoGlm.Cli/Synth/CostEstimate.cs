using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Cli.Synth;

/// <summary>What a model would cost on a machine: memory, and the speeds that it cannot exceed there.</summary>
/// <param name="Shape">The model.</param>
/// <param name="Format">The format of its matrices.</param>
/// <param name="Cost">What its graph costs.</param>
/// <param name="Machine">The machine's rates; the arithmetic is no number where nobody knows it.</param>
sealed record CostEstimate(ModelShape Shape, string Format, GraphCost Cost, MachineLimits Machine)
{
    const int Depth = 4096;

    public JsonObject ToJson() => new()
    {
        ["shape"] = Shape.Name,
        ["format"] = Format,
        ["parameters"] = Cost.Parameters,
        ["activeParameters"] = Cost.ActiveParameters,
        ["weightBytes"] = Cost.WeightBytes,
        ["bytesPerToken"] = Cost.BytesPerToken,
        ["operationsPerToken"] = Cost.OperationsPerToken,
        ["kvBytesPerToken"] = Cost.KvBytesPerToken,
        ["readBandwidthGBs"] = Math.Round(Machine.ReadBytesPerSecond / 1e9, 2),
        ["decodeFloorTokensPerSecond"] = Math.Round(Cost.DecodeFloor(Machine), 3),
        ["prefillFloorTokensPerSecond"] = double.IsFinite(Machine.OperationsPerSecond) ? Math.Round(Cost.PrefillFloor(Machine), 3) : null,
    };

    public void Print(CommandConsole console)
    {
        Facts facts = new(console);
        facts.Add("shape", $"{Shape.Name} in {Format}");
        facts.Add("parameters", $"{Units.Count(Cost.Parameters)}, {Units.Count(Cost.ActiveParameters)} met by a token");
        facts.Add("weights", $"{Units.Bytes(Cost.WeightBytes)}, {Units.Bytes(Cost.BytesPerToken)} read for a token");
        facts.Add("keys and values", $"{Units.Bytes(Cost.KvBytesPerToken)} for a token, {Units.Bytes(Cost.KvBytesPerToken * Depth)} for {Depth} tokens, {Units.Bytes(Cost.KvBytesPerToken * Shape.Config.ContextLength)} for the whole context of {Shape.Config.ContextLength}");
        facts.Add("decoding", $"at most {Units.Short(Cost.DecodeFloor(Machine))} tokens/s at {Units.Bandwidth(Machine.ReadBytesPerSecond)}, {Units.Short(Cost.DecodeFloor(Machine, Depth))} behind {Depth} tokens");
        facts.Add("prefill", double.IsFinite(Machine.OperationsPerSecond)
            ? $"at most {Units.Short(Cost.PrefillFloor(Machine))} tokens/s at {Units.Count(Machine.OperationsPerSecond)}OP/s"
            : "unknown: only the bandwidth was given");
    }
}
