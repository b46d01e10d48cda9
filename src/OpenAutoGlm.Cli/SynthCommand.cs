using System.CommandLine;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Synth;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Optimization.Analysis;
using Spectre.Console;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm synth: models of random weights in a published shape, or what such a model would cost.</summary>
sealed class SynthCommand : AutoGlmCommand
{
    readonly Option<string?> _shape = Flags.Text("--shape", "name", "Name of a shape (--list), or a config.json as Hugging Face has them.");
    readonly Option<string?> _format = Flags.Text("--format", "name", "Format of the matrices: F32, BF16, Q8_0, Q4_K_M and others. Default: Q8_0.");
    readonly Option<string?> _output = Flags.Text("--output", "file", "The GGUF file to write.", "-o");
    readonly Option<int?> _seed = Flags.Int("--seed", "Where the random numbers begin; the same seed gives the same file. Default: 0.", 0, int.MaxValue);
    readonly Option<bool> _estimate = Flags.Switch("--estimate", "Write nothing: print memory, and the speeds that this machine cannot exceed.");
    readonly Option<float?> _bandwidth = Flags.Number("--bandwidth", "For --estimate: GB/s that a machine reads, instead of measuring this one.", 0.001f, 1e6f);
    readonly Option<bool> _list = Flags.Switch("--list", "List the shapes.");
    readonly Option<bool> _json = Flags.Json();

    public SynthCommand(CommandConsole console)
        : base("synth", "Writes a model of random weights in a published shape, or says what it would cost.", console)
    {
        AddAll(_shape, _format, _output, _seed, _estimate, _bandwidth, _list, _json);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm synth --shape glm-4-9b-0414 --format Q4_K_M --estimate", "Would GLM-4-9B fit here, and how fast could it be?"),
        ("autoglm synth --shape llama-3.2-1b --format Q4_0 --output 1b.gguf", "Write a model to measure with:"),
        ("autoglm synth --list", "Which shapes there are:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        if (arguments.GetValue(_list))
        {
            List(arguments.GetValue(_json));
            return Task.FromResult(ExitCode.Done);
        }

        ModelShape shape = ShapeFile.Find(arguments.GetValue(_shape) ?? throw CommandFailedException.Usage("--shape is missing; --list lists the shapes."));
        string format = arguments.GetValue(_format) ?? "Q8_0";
        CheckFormat(format);
        if (arguments.GetValue(_estimate))
        {
            Estimate(shape, format, arguments);
        }
        else
        {
            Write(shape, format, arguments.GetValue(_output) ?? throw CommandFailedException.Usage("--output is missing: the file to write, or say --estimate to write nothing."), arguments, cancellation);
        }

        return Task.FromResult(ExitCode.Done);
    }

    static void CheckFormat(string format)
    {
        if (!ModelSynthesizer.Formats.Contains(format, StringComparer.OrdinalIgnoreCase))
        {
            throw CommandFailedException.Usage($"Models are not made in the format '{format}'; there are {string.Join(", ", ModelSynthesizer.Formats)}.");
        }
    }

    static GraphCost Cost(ModelShape shape, string format) =>
        GraphCost.Of(Architecture.Build(shape.Config, new SyntheticWeights(shape, format), new GraphOptions()));

    void Write(ModelShape shape, string format, string path, ParseResult arguments, CancellationToken cancellation)
    {
        long bytes = Cost(shape, format).WeightBytes;
        StatusLine status = new(Console);
        ModelSynthesizer.Write(
            shape,
            format,
            path,
            arguments.GetValue(_seed) ?? 0,
            new Written(written => status.Say($"{path}: {Units.Bytes(written)} of {Units.Bytes(bytes)}")),
            cancellation);
        status.End();
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(new JsonObject { ["path"] = path, ["shape"] = shape.Name, ["format"] = format, ["bytes"] = new FileInfo(path).Length });
        }
        else
        {
            Console.Note($"{shape.Name} {format}, {Units.Bytes(new FileInfo(path).Length)} of random weights");
            Console.Output.WriteLine(path);
        }
    }

    void Estimate(ModelShape shape, string format, ParseResult arguments)
    {
        MachineSpeed? speed = null;
        double bandwidth = arguments.GetValue(_bandwidth) * 1e9 ?? (speed = MachineProbe.Measure()).ReadBytesPerSecond;
        bool quantized = format.StartsWith('Q') || format.StartsWith('I');
        double? arithmetic = quantized ? speed?.ByteOperationsPerSecond : speed?.FloatOperationsPerSecond;
        CostEstimate estimate = new(shape, format, Cost(shape, format), new MachineLimits(bandwidth, arithmetic ?? double.NaN));
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(estimate.ToJson());
        }
        else
        {
            estimate.Print(Console);
        }
    }

    void List(bool json)
    {
        if (json)
        {
            Console.WriteJson(new JsonArray([.. ModelShape.All.Select(shape => (JsonNode)new JsonObject
            {
                ["name"] = shape.Name,
                ["architecture"] = shape.Config.Architecture,
                ["parameters"] = Cost(shape, "Q8_0").Parameters,
            })]));
            return;
        }

        Table table = new Table().Border(TableBorder.None).AddColumn("shape").AddColumn("architecture");
        foreach (string name in new[] { "parameters", "active", "layers", "width", "vocabulary", "context" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (ModelShape shape in ModelShape.All)
        {
            GraphCost cost = Cost(shape, "Q8_0");
            table.AddRow(
                shape.Name,
                shape.Config.Architecture,
                Units.Count(cost.Parameters),
                cost.ActiveParameters < cost.Parameters * 0.8 && shape.Config.Experts is not null ? Units.Count(cost.ActiveParameters) : "",
                $"{shape.Config.Layers}",
                $"{shape.Config.Hidden}",
                $"{shape.Config.Vocab}",
                $"{shape.Config.ContextLength}");
        }

        Console.Page().Write(table);
    }

    /// <summary>Tells at once, in the thread that writes.</summary>
    sealed class Written(Action<long> tell) : IProgress<long>
    {
        public void Report(long value) => tell(value);
    }
}
