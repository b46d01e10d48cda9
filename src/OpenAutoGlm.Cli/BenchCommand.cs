using System.CommandLine;
using System.Diagnostics;
using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm bench: tokens per second, beside what the machine itself can do in the same run.</summary>
sealed class BenchCommand : AutoGlmCommand
{
    readonly Option<string?> _model = Flags.Model();
    readonly Option<string?> _shape = Flags.Text("--shape", "name", "Instead of a model: random weights in this shape, made once and kept in the cache. 'autoglm synth --list' lists shapes.");
    readonly Option<string?> _format = Flags.Text("--format", "name", "Block format of --shape. Default: Q8_0.");
    readonly Option<int[]?> _prefill = Flags.Counts("--pp", "Prompt lengths to measure, with commas between them; 0 for none. Default: 512.");
    readonly Option<int[]?> _decode = Flags.Counts("--tg", "Answer lengths to measure, with commas between them; 0 for none. Default: 128.");
    readonly Option<int?> _repetitions = Flags.Int("--repetitions", "Runs of each test, after one to warm up. Default: 5.", 1, 1000, "-r");
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public BenchCommand(CommandConsole console)
        : base("bench", "Measures prefill and decoding, beside the machine's own limits in the same run.", console)
    {
        AddAll([_model, _shape, _format, _prefill, _decode, _repetitions, _json, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm bench --shape llama-3.2-1b --format Q4_0", "Measure a published shape without fetching anything:"),
        ("autoglm bench --model glm-4-9b-chat.Q4_K_M.gguf --pp 128,512 --tg 64 --repetitions 3 --json", "Measure a real model, for a program to read:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        BenchTest[] tests =
        [
            .. Counts(arguments, _prefill, 512).Select(tokens => new BenchTest(Prefill: true, tokens)),
            .. Counts(arguments, _decode, 128).Select(tokens => new BenchTest(Prefill: false, tokens)),
        ];
        if (tests.Length == 0)
        {
            throw CommandFailedException.Usage("There is nothing to measure: --pp and --tg are both 0.");
        }

        AutoInferenceOptions options = _engine.Read(arguments);
        long start = Stopwatch.GetTimestamp();
        await using AutoInferenceEngine engine = await OpenModel.EngineAsync(ModelOf(arguments), options, Console, cancellation);
        TimeSpan load = Stopwatch.GetElapsedTime(start);

        StatusLine status = new(Console);
        IReadOnlyList<(BenchTest Test, Speeds Speeds)> speeds = new BenchRun(engine.Engine, seed: 1).Measure(tests, arguments.GetValue(_repetitions) ?? 5, status.Say, cancellation);

        // The measurement of the machine takes memory of its own, which is not the model's.
        long? peak = ProcessMemory.PeakBytes();
        status.Say("reading memory and multiplying, to know the machine's limits");
        MachineSpeed machine = MachineProbe.Measure(options.Cpu.Threads);
        status.End();

        ModelGraph graph = Architecture.Build(engine.Model.Config, engine.Model.Weights, new GraphOptions());
        WeightFormat format = WeightFormat.Of(graph);
        GraphCost cost = GraphCost.Of(graph);
        MachineLimits limits = new(machine.ReadBytesPerSecond, format.Quantized ? machine.ByteOperationsPerSecond : machine.FloatOperationsPerSecond);
        BenchReport report = new()
        {
            Model = engine.Model.Name,
            Format = format.Name,
            Backend = engine.Backend.Description,
            Machine = machine,
            Load = load,
            PeakBytes = peak,
            Rows = [.. speeds.Select(row => new BenchRow(row.Test, row.Speeds, row.Test.Prefill ? cost.PrefillFloor(limits) : cost.DecodeFloor(limits, row.Test.Tokens / 2)))],
        };
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(report.ToJson());
        }
        else
        {
            report.Print(Console);
        }

        return ExitCode.Done;
    }

    static IEnumerable<int> Counts(ParseResult arguments, Option<int[]?> option, int otherwise) =>
        (arguments.GetValue(option) is { Length: > 0 } given ? given : [otherwise]).Where(tokens => tokens > 0);

    string? ModelOf(ParseResult arguments)
    {
        string? model = arguments.GetValue(_model);
        string? shape = arguments.GetValue(_shape);
        return (model, shape) switch
        {
            (not null, not null) => throw CommandFailedException.Usage("--model and --shape exclude each other."),
            (null, not null) => $"synth:{shape}:{arguments.GetValue(_format) ?? "Q8_0"}",
            _ => model,
        };
    }
}
