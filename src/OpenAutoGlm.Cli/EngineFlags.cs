using System.CommandLine;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;

namespace OpenAutoGlm.Cli;

/// <summary>The flags of every command that opens a model: where to look for it and how to run it.</summary>
sealed class EngineFlags
{
    readonly Option<string?> _backend = Flags.OneOf("--backend", "What computes: the kernels of this processor, or the slow reference that defines what is correct. Default: cpu.", "cpu", "reference");
    readonly Option<bool> _exact = Flags.Switch("--exact", "Multiply quantised weights in float32, without rounding activations. Slow; for comparing.");
    readonly Option<int?> _threads = Flags.Threads();
    readonly Option<int?> _contextLength = Flags.Int("--max-model-len", "Longest prompt and answer together, in tokens. Default: what the model allows and the memory holds.", 1, int.MaxValue);
    readonly Option<long?> _kvMemory = Flags.Bytes("--kv-memory", "Memory for keys and values. Default: what is sensible here, at most 4G.");
    readonly Option<string?> _planFile = Flags.Text("--plan-file", "path|off", "Where weights are kept in the layout of this machine's kernels, so that the next start maps them. Default: MODEL.autoglm-plan beside the model, else in the cache folder.");
    readonly Option<int?> _tuneSeconds = Flags.Int("--tune-seconds", "Time for which the first load of a model on this machine may search for the fastest kernels; 0 for none. 'autoglm tune' searches longer. Default: 2.", 0, 3600);
    readonly HubFlags _hub = new();

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_threads, _contextLength, _kvMemory, _backend, _exact, _planFile, _tuneSeconds, .. _hub.All];

    /// <summary>What they say.</summary>
    public AutoInferenceOptions Read(ParseResult arguments, EngineOptions? engine = null) => new()
    {
        Backend = arguments.GetValue(_backend) == "reference" ? BackendKind.Reference : BackendKind.Cpu,
        Cpu = new CpuOptions { Threads = arguments.GetValue(_threads), ExactArithmetic = arguments.GetValue(_exact) },
        Plan = arguments.GetValue(_planFile) switch
        {
            null or "" => PlanPlace.Automatic,
            "off" => PlanPlace.Nowhere,
            string path => PlanPlace.At(path),
        },
        TuningBudget = TimeSpan.FromSeconds(arguments.GetValue(_tuneSeconds) ?? 2),
        Engine = (engine ?? new EngineOptions()) with { ContextLength = arguments.GetValue(_contextLength), KvMemoryBytes = arguments.GetValue(_kvMemory) },
        Hub = _hub.Read(arguments),
    };
}
