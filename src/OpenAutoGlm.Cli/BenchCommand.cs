using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Passes;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm bench: tokens per second, beside what the machine itself can do in the same run.</summary>
sealed class BenchCommand : AutoGlmCommand
{
    readonly Option<string?> _model = Flags.Model();
    readonly Option<string?> _shape = Flags.Text("--shape", "name", "Instead of a model: random weights in this shape, made once and kept in the cache. 'autoglm synth --list' lists shapes.");
    readonly Option<string?> _format = Flags.Text("--format", "name", "Block format of --shape. Default: Q8_0.");
    readonly Option<int[]?> _prefill = Flags.Counts("--pp", "Prompt lengths to measure, with commas between them; 0 for none. Default: 512.");
    readonly Option<int[]?> _decode = Flags.Counts("--tg", "Answer lengths to measure, with commas between them; 0 for none. Default: 128.");
    readonly Option<int[]?> _depth = Flags.Counts("--depth", "Tokens that stand before them, with commas between the depths. Default: 0.", "-d");
    readonly Option<int[]?> _batch = Flags.Counts("--batch", "Sequences that are decoded together, with commas between the numbers. Default: 1.", "-b");
    readonly Option<int?> _repetitions = Flags.Int("--repetitions", "Runs of each test, after one to warm up. Default: 5.", 1, 1000, "-r");
    readonly Option<bool> _operators = Flags.Switch("--ops", "Show instead where the time goes: calls, share, bytes and operations of every kernel, under the machine's roofs.");
    readonly Option<string?> _svg = Flags.Text("--svg", "file", "With --ops: draw the roofs into this file too.");
    readonly Option<bool> _passes = Flags.Switch("--passes", "Show instead what each pass over the graph is worth: kernels, memory and time with and without it, in turn.");
    readonly Option<string?> _versus = Flags.Text("--versus", "program", "A llama-bench program to measure in turn with, on the same GGUF file.");
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public BenchCommand(CommandConsole console)
        : base("bench", "Measures prefill and decoding, beside the machine's own limits in the same run.", console)
    {
        AddAll([_model, _shape, _format, _prefill, _decode, _depth, _batch, _repetitions, _operators, _svg, _passes, _versus, _json, .. _engine.All]);
        Add(new BenchServeCommand(console));
        Add(new BenchAttackCommand(console));
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm bench --shape llama-3.2-1b --format Q4_0", "Measure a published shape without fetching anything:"),
        ("autoglm bench --model glm-4-9b-chat.Q4_K_M.gguf --pp 128,512 --tg 64 --repetitions 3 --json", "Measure a real model, for a program to read:"),
        ("autoglm bench --model m.gguf --pp 0 --tg 32 --depth 0,4096 --batch 1,16", "Decode behind a long text, and for many at once:"),
        ("autoglm bench --model m.gguf --ops --svg roof.svg", "See which kernels take the time, and what bounds them:"),
        ("autoglm bench --model m.gguf --passes --pp 128", "See what each fusion is worth:"),
        ("autoglm bench --model m.gguf --versus ~/llama.cpp/build/bin/llama-bench", "Compare with another engine on the same file, in turn:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        BenchTest[] tests = Tests(arguments);
        AutoInferenceOptions options = _engine.Read(arguments);
        int repetitions = arguments.GetValue(_repetitions) ?? 5;
        long start = Stopwatch.GetTimestamp();
        using ModelPackage model = await OpenModel.PackageAsync(ModelOf(arguments), options.Hub, Console, cancellation);
        if (arguments.GetValue(_passes))
        {
            return ComparePasses(arguments, model, options, tests, repetitions, cancellation);
        }

        using IBackend backend = AutoInferenceEngine.CreateBackend(model, options);
        using ModelMeter meter = new(model.Config, model.Weights, backend, Limits(tests) with { KvFormat = options.Engine.KvFormat });
        ProcessMemory.ReturnGarbage();
        TimeSpan load = Stopwatch.GetElapsedTime(start);

        StatusLine status = new(Console);
        BenchRun.Warm(meter, tests, status.Say, cancellation);

        // What measures the machine takes memory of its own, which is not the model's.
        long? peak = ProcessMemory.PeakBytes();
        BenchResult result = arguments.GetValue(_operators)
            ? Operators(meter, tests, repetitions, options.Cpu.Threads, status, cancellation)
            : Measure(arguments, model, meter, tests, repetitions, options.Cpu.Threads, status, cancellation);
        status.End();
        ModelGraph graph = meter.Graph;
        ModelFloors floors = ModelFloors.Of(graph, meter.KvBytesPerToken, result.Machine);
        BenchReport report = new()
        {
            Model = model.Name,
            Format = WeightFormat.Of(graph).Name,
            Backend = backend.Description,
            Plan = backend is CpuBackend { PlanFile: { Outcome: not PlanFileOutcome.None } file } ? file.ToString() : null,
            Machine = result.Machine,
            Load = load,
            PeakBytes = peak,
            Rows = [.. result.Speeds.Select(row => new BenchRow(row.Test, row.Speeds, floors))],
        };
        Show(arguments, report, result);
        return ExitCode.Done;
    }

    int ComparePasses(ParseResult arguments, ModelPackage model, AutoInferenceOptions options, BenchTest[] tests, int repetitions, CancellationToken cancellation)
    {
        int prompt = tests.FirstOrDefault(test => test.Prefill)?.Tokens ?? 1;
        int depth = tests[0].Depth;
        StatusLine status = new(Console);
        PassBench bench = new(Made, prompt, depth);
        (GraphSize with, IReadOnlyList<PassRow> rows) = bench.Measure(repetitions, status.Say, cancellation);
        status.End();
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(PassBench.ToJson(with, rows));
        }
        else
        {
            bench.Print(with, rows, Console);
        }

        return ExitCode.Done;

        (IBackend, ModelMeter) Made(string[] disabled)
        {
            PlanPlace place = options.Plan with { IsReadOnly = disabled.Length > 0 };
            IBackend backend = AutoInferenceEngine.CreateBackend(model, options with { Plan = place, Cpu = options.Cpu with { DisabledPasses = [.. options.Cpu.DisabledPasses, .. disabled] } });
            return (backend, new ModelMeter(model.Config, model.Weights, backend, PassBench.Limits(prompt, depth) with { KvFormat = options.Engine.KvFormat }));
        }
    }

    static BenchResult Operators(ModelMeter meter, BenchTest[] tests, int repetitions, int? threads, StatusLine status, CancellationToken cancellation)
    {
        MachineSpeed machine = MeasureMachine(threads, status);
        List<OperatorReport> reports = [];
        foreach (BenchTest test in tests)
        {
            status.Say($"{test.Name}, kernel by kernel");
            reports.Add(OperatorReport.Measure(meter, test, test.Prefill ? repetitions : 4 * repetitions, machine, cancellation));
        }

        return new BenchResult(machine, [], reports, []);
    }

    static MachineSpeed MeasureMachine(int? threads, StatusLine status)
    {
        status.Say("reading memory and multiplying, to know the machine's limits");
        return MachineProbe.Measure(threads);
    }

    static MeterLimits Limits(BenchTest[] tests) => new(
        tests.Max(test => test.Sequences),
        tests.Max(test => test.Depth + test.Tokens),
        tests.Max(test => test.KvTokens));

    BenchResult Measure(ParseResult arguments, ModelPackage model, ModelMeter meter, BenchTest[] tests, int repetitions, int? threads, StatusLine status, CancellationToken cancellation)
    {
        using BandwidthProbe probe = new(threads);
        BenchRun run = new(meter, probe);
        if (arguments.GetValue(_versus) is { } program)
        {
            PeerBench peer = new(program, GgufOf(model), threads ?? Environment.ProcessorCount);
            IReadOnlyList<VersusRow> rows = peer.Measure(run, [.. tests.Where(test => test.Sequences == 1)], repetitions, status.Say, cancellation);
            return new BenchResult(MeasureMachine(threads, status), [], [], rows);
        }

        var speeds = run.Measure(tests, repetitions, status.Say, cancellation);
        return new BenchResult(MeasureMachine(threads, status), speeds, [], []);
    }

    void Show(ParseResult arguments, BenchReport report, BenchResult result)
    {
        if (arguments.GetValue(_svg) is { } path && result.Operators.Count > 0)
        {
            File.WriteAllText(path, Roofline.Svg(result.Operators));
        }

        if (arguments.GetValue(_json))
        {
            JsonObject json = report.ToJson();
            if (result.Operators.Count > 0)
            {
                json["operators"] = new JsonArray([.. result.Operators.Select(operators => (JsonNode)operators.ToJson())]);
            }

            if (result.Versus.Count > 0)
            {
                json["versus"] = PeerBench.ToJson(result.Versus);
            }

            Console.WriteJson(json);
            return;
        }

        report.Print(Console);
        foreach (OperatorReport operators in result.Operators)
        {
            operators.Print(Console);
        }

        if (result.Versus.Count > 0)
        {
            PeerBench.Print(result.Versus, Console);
        }
    }

    BenchTest[] Tests(ParseResult arguments)
    {
        int[] depths = arguments.GetValue(_depth) is { Length: > 0 } given ? given : [0];
        int[] batches = arguments.GetValue(_batch) is { Length: > 0 } numbers ? numbers : [1];
        if (batches.Any(batch => batch is < 1 or > 4096))
        {
            throw CommandFailedException.Usage("--batch takes numbers from 1 to 4096.");
        }

        if (arguments.GetValue(_svg) is not null && !arguments.GetValue(_operators))
        {
            throw CommandFailedException.Usage("--svg draws what --ops measures: give both.");
        }

        BenchTest[] tests =
        [
            .. from depth in depths from tokens in Counts(arguments, _prefill, 512) select new BenchTest(Prefill: true, tokens, depth),
            .. from depth in depths from batch in batches from tokens in Counts(arguments, _decode, 128) select new BenchTest(Prefill: false, tokens, depth, batch),
        ];
        return tests.Length > 0 ? tests : throw CommandFailedException.Usage("There is nothing to measure: --pp and --tg are both 0.");
    }

    static IEnumerable<int> Counts(ParseResult arguments, Option<int[]?> option, int otherwise) =>
        (arguments.GetValue(option) is { Length: > 0 } given ? given : [otherwise]).Where(tokens => tokens > 0);

    static string GgufOf(ModelPackage model) => File.Exists(model.Path) && !model.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
        ? model.Path
        : throw CommandFailedException.Usage($"--versus needs a model that both programs read, a GGUF file, and {model.Path} is none.");

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

    /// <summary>What was measured, whichever way.</summary>
    sealed record BenchResult(
        MachineSpeed Machine, IReadOnlyList<(BenchTest Test, Speeds Speeds)> Speeds, IReadOnlyList<OperatorReport> Operators, IReadOnlyList<VersusRow> Versus);
}
