using System.CommandLine;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Passes;

namespace OpenAutoGlm.Cli;

/// <summary>The flags of every command that opens a model: where to look for it and how to run it.</summary>
sealed class EngineFlags
{
    readonly Option<string?> _backend = Flags.OneOf("--backend", "What computes: the kernels of this processor, or the slow reference that defines what is correct. Default: cpu.", "cpu", "reference");
    readonly Option<bool> _exact = Flags.Switch("--exact", "Multiply quantised weights in float32, without rounding activations. Slow; for comparing.");
    readonly Option<bool> _bfloat16 = Flags.Switch("--bf16", "Multiply quantised weights as BF16 by the matrix unit (AMX), where there is one: prompts and many sequences are faster and answers nearer to exact ones; one sequence alone is slower.");
    readonly Option<string[]?> _disabledPasses = Flags.Names(
        "--disable-passes",
        "pass,pass|all",
        "Passes over the graph to leave out, with commas between them. Results stay the same; for comparing.",
        [.. PassPipeline.All.Select(pass => pass.Name), PassPipeline.EveryPass]);
    readonly Option<int?> _threads = Flags.Threads();
    readonly Option<int?> _contextLength = Flags.Int("--max-model-len", "Longest prompt and answer together, in tokens. Default: what the model allows and the memory holds.", 1, int.MaxValue);
    readonly Option<long?> _kvMemory = Flags.Bytes("--kv-memory", "Memory for keys and values. Default: what is sensible here, at most 4G.");
    readonly Option<string?> _kvFormat = Flags.OneOf("--kv-format", "What keys and values are stored in. Default: bf16; f32 with --exact and for the reference.", "f32", "f16", "bf16", "q8_0");
    readonly Option<string?> _planFile = Flags.Text("--plan-file", "path|off", "Where weights are kept in the layout of this machine's kernels, so that the next start maps them. Default: MODEL.autoglm-plan beside the model, else in the cache folder.");
    readonly Option<int?> _tuneSeconds = Flags.Int("--tune-seconds", "Time for which the first load of a model on this machine may search for the fastest kernels; 0 for none. 'autoglm tune' searches longer. Default: 2.", 0, 3600);
    readonly HubFlags _hub = new();

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_threads, _contextLength, _kvMemory, _kvFormat, _backend, _exact, _bfloat16, _disabledPasses, _planFile, _tuneSeconds, .. _hub.All];

    /// <summary>What they say.</summary>
    public AutoInferenceOptions Read(ParseResult arguments, EngineOptions? engine = null) => new()
    {
        Backend = arguments.GetValue(_backend) == "reference" ? BackendKind.Reference : BackendKind.Cpu,
        Cpu = new CpuOptions
        {
            Threads = arguments.GetValue(_threads),
            ExactArithmetic = arguments.GetValue(_exact),
            BFloat16Arithmetic = arguments.GetValue(_bfloat16),
            DisabledPasses = arguments.GetValue(_disabledPasses) ?? [],
        },
        Plan = arguments.GetValue(_planFile) switch
        {
            null or "" => PlanPlace.Automatic,
            "off" => PlanPlace.Nowhere,
            string path => PlanPlace.At(path),
        },
        TuningBudget = TimeSpan.FromSeconds(arguments.GetValue(_tuneSeconds) ?? 2),
        Engine = (engine ?? new EngineOptions()) with
        {
            ContextLength = arguments.GetValue(_contextLength),
            KvMemoryBytes = arguments.GetValue(_kvMemory),
            KvFormat = KvFormat(arguments),
        },
        Hub = _hub.Read(arguments),
    };

    TensorFormat KvFormat(ParseResult arguments) =>
        BlockFormat.TryParse(arguments.GetValue(_kvFormat), out BlockFormat? asked) ? asked.Format
            : arguments.GetValue(_exact) || arguments.GetValue(_backend) == "reference" ? TensorFormat.F32
            : new EngineOptions().KvFormat;
}
