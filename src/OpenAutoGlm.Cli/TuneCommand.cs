using System.CommandLine;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Bench;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Tuning;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models;
using Spectre.Console;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm tune: finds the numbers that make a model fastest on this machine, and shows what that gained.</summary>
sealed class TuneCommand : AutoGlmCommand
{
    const int Depth = 64;

    readonly Argument<string?> _name = new("model") { Description = "A GGUF file, a model folder, a name on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _model = Flags.Model();
    readonly Option<int?> _seconds = Flags.Int("--seconds", "Time to search. Default: 30.", 1, 3600);
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public TuneCommand(CommandConsole console)
        : base("tune", "Finds the fastest sizes of a model's kernels on this machine, and shows what that gained.", console)
    {
        Add(_name);
        AddAll([_model, _seconds, _json, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm tune glm-4-9b-chat.Q4_K_M.gguf", "Search for half a minute; every later start uses what was found:"),
        ("autoglm tune synth:llama-3.2-1b:Q8_0 --seconds 120 --threads 1", "Search longer, for one thread:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        AutoInferenceOptions options = _engine.Read(arguments);
        TuningCache cache = AutoInferenceEngine.OpenTuning(options);
        using ModelPackage model = await OpenModel.PackageAsync(arguments.GetValue(_name) ?? arguments.GetValue(_model), options.Hub, Console, cancellation);

        // What an earlier search found is left aside, so that the gain is that over the defaults.
        using IBackend made = AutoInferenceEngine.CreateBackend(model, options with { Cpu = options.Cpu with { Tuning = TuningCache.InMemory() } });
        CpuBackend backend = made as CpuBackend ?? throw CommandFailedException.Usage("--backend reference has nothing that could be tuned.");
        using ModelMeter meter = new(model.Config, model.Weights, backend, new MeterLimits(1, Depth + 1, Depth + 1) { KvFormat = options.Engine.KvFormat });
        StatusLine status = new(Console);
        status.Say($"searching for {arguments.GetValue(_seconds) ?? 30} s");
        PlanTuner tuner = new(backend, meter.Plan);
        TimeSpan budget = TimeSpan.FromSeconds(arguments.GetValue(_seconds) ?? 30);
        IReadOnlyList<TuningResult> results = tuner.Search(after => meter.Decode(1, Depth, after), cache, budget, cancellation);
        status.Say("comparing with the defaults");
        double gain = tuner.Compare(results, after => meter.Decode(1, Depth, after), budget / 5, cancellation);
        status.End();
        cancellation.ThrowIfCancellationRequested();
        bool saved = cache.TrySave();
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(ToJson(results, gain, saved));
        }
        else
        {
            Print(results, gain);
        }

        if (!saved)
        {
            Console.Note("What was found could not be saved: the cache folder cannot be written to.");
        }

        return ExitCode.Done;
    }

    static JsonObject ToJson(IReadOnlyList<TuningResult> results, double gain, bool saved) => new()
    {
        ["decodeGain"] = Math.Round(gain, 4),
        ["saved"] = saved,
        ["results"] = new JsonArray([.. results.Select(result => (JsonNode)new JsonObject
        {
            ["key"] = result.Key,
            ["default"] = result.Default,
            ["best"] = result.Best,
            ["gain"] = Math.Round(result.Gain, 4),
        })]),
    };

    void Print(IReadOnlyList<TuningResult> results, double gain)
    {
        Table table = BenchTable.Of(Console, "number", "default", "best", "gain of its kernels");
        foreach (TuningResult result in results)
        {
            table.AddRow(Markup.Escape(result.Key), $"{result.Default}", $"{result.Best}", result.Best == result.Default ? "" : $"{(result.Gain - 1) * 100:0.0} %");
        }

        Console.Page().Write(table);
        Console.Output.WriteLine($"decoding with all of them, in turn with the defaults: {gain:0.000} times as fast");
    }
}
