using System.CommandLine;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Train;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Optimization.Training;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm train: a new model from text, or an old one made better at something.</summary>
sealed class TrainCommand : AutoGlmCommand
{
    readonly TrainFlags _train = new();
    readonly Option<string?> _output = Flags.Text("--output", "file", "The GGUF file to write; checkpoints, log and curves go to FILE.training beside it.", "-o");
    readonly Option<string?> _format = Flags.Text("--format", "format", "What trained matrices are written in: BF16, F32, or a format of blocks such as Q8_0. Default: BF16, or that of --qat.");
    readonly Option<string?> _adapter = Flags.Text("--adapter", "file", "With --lora: also write the adapters alone, as safetensors.");
    readonly Option<bool> _resume = Flags.Switch("--resume", "Go on from the last checkpoint, with the bits that an uninterrupted run would have.");
    readonly Option<long?> _memory = Flags.Bytes("--memory", "Memory that a batch may take; larger ones are split. Default: half of what is free.");
    readonly Option<bool> _noPeak = Flags.Switch("--no-peak", "Do not measure first what the machine can do; no share of it is shown then.");
    readonly Option<int?> _threads = Flags.Threads();
    readonly Option<bool> _json = Flags.Json();
    readonly HubFlags _hub = new();

    public TrainCommand(CommandConsole console)
        : base("train", "Trains a model: a new one from text, or one that is there, whole or by adapters.", console)
    {
        AddAll([_output, .. _train.All, _format, _adapter, _resume, _memory, _noPeak, _threads, _json, .. _hub.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm train --model glm-edge-1.5b.gguf --data chats.jsonl --lora 16 --epochs 3 --lr 2e-4 -o mine.gguf", "Teach a model by adapters, merged into the file that is written:"),
        ("autoglm train --shape config.json --vocabulary 512 --data book.txt --epochs 10 -o small.gguf", "Train a small model of your own from a text:"),
        ("autoglm train --recipe recipe.json -o mine.gguf --resume", "Go on after an interruption, with the same result:"),
        ("autoglm train --model pruned.gguf --teacher original.gguf --teacher-share 1 --data text.txt --tokens 5e6 --lr 1e-4 -o healed.gguf", "Let a pruned model learn from the original:"),
        ("autoglm train --model m.gguf --qat Q4_K --data text.txt --steps 200 --lr 5e-5 -o m-q4.gguf", "Get a model used to the rounding of four bits:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        TrainingRecipe recipe = _train.Read(arguments);
        string output = arguments.GetValue(_output) ?? throw CommandFailedException.Usage("--output is missing: the GGUF file to write.");
        TensorFormat format = FormatOf(arguments.GetValue(_format) ?? recipe.Quantization ?? "BF16");
        if (arguments.GetValue(_adapter) is not null && recipe.LoraRank is null)
        {
            throw CommandFailedException.Usage("--adapter writes what --lora trains: give both.");
        }

        string folder = output + ".training";
        Directory.CreateDirectory(folder);
        HubOptions? hub = _hub.Read(arguments);
        int threads = arguments.GetValue(_threads) ?? Environment.ProcessorCount;
        using CpuBackend backend = new(new CpuOptions { Threads = threads });
        using ModelPackage model = await TrainedModel.OpenAsync(recipe, folder, hub, Console, cancellation);
        using ModelPackage? teacher = recipe.Teacher is null ? null : await OpenModel.PackageAsync(recipe.Teacher, hub, Console, cancellation);
        long memory = arguments.GetValue(_memory) ?? MachineProbe.Look().Memory.Available / 2;
        using TrainingJob job = new(recipe, model, teacher, backend, folder, new TrainingPlace(threads, memory), TimeProvider.System);
        Begin(job, arguments.GetValue(_resume));
        File.WriteAllText(Path.Combine(folder, "recipe.json"), recipe.ToJson());
        Console.Note($"{model.Name}: {Units.Count(job.ParameterCount)} parameters are trained on {job.ExampleCount} examples, {job.Size.BatchTokens} tokens a batch, {job.Size.Accumulate} {(job.Size.Accumulate == 1 ? "batch" : "batches")} a step, {Units.Bytes(job.ArenaBytes)} of values, {backend.Description}");
        double? peak = arguments.GetValue(_noPeak) ? null : PeakOf(recipe, MachineProbe.Measure(threads));
        TrainView view = new(Console, TimeProvider.System, job.OperationsPerToken, peak);
        TrainingOutcome outcome;
        using (TrainLog log = new(Path.Combine(folder, "log.jsonl"), job.Steps))
        {
            try
            {
                outcome = view.Show(observe => job.Run(observe, cancellation), log.Add);
            }
            finally
            {
                Draw(folder, output, model, job, recipe, view, log);
            }
        }

        if (!outcome.Completed)
        {
            Console.Note($"Stopped at step {outcome.Steps}; the checkpoint is in {job.CheckpointPath}, and --resume goes on from it.");
            return ExitCode.Interrupted;
        }

        job.Export(output, format, cancellation);
        if (arguments.GetValue(_adapter) is { } adapter)
        {
            job.ExportAdapters(adapter);
        }

        Report(arguments, output, job, outcome, view);
        return ExitCode.Done;
    }

    static TensorFormat FormatOf(string name) => BlockFormat.TryParse(name, out BlockFormat? format) && format.CanQuantize
        ? format.Format
        : throw CommandFailedException.Usage($"Matrices are not written in '{name}'; there are {string.Join(", ", BlockFormat.All.Where(one => one.CanQuantize).Select(one => one.Format))}.");

    static double PeakOf(TrainingRecipe recipe, MachineSpeed speed) =>
        recipe.Precision == "bf16" && double.IsFinite(speed.BFloat16OperationsPerSecond) && speed.BFloat16OperationsPerSecond > 0 ? speed.BFloat16OperationsPerSecond : speed.FloatOperationsPerSecond;

    void Begin(TrainingJob job, bool resume)
    {
        if (!resume && job.HasCheckpoints)
        {
            throw new CommandFailedException($"There are checkpoints of an earlier run in {job.CheckpointPath}. --resume goes on from them; to begin anew, delete the folder.");
        }

        if (resume)
        {
            Console.Note(job.Resume(Console.Note) ? $"going on from step {job.Steps}" : "There is no checkpoint yet; the run begins at its beginning.");
        }
    }

    static void Draw(string folder, string output, ModelPackage model, TrainingJob job, TrainingRecipe recipe, TrainView view, TrainLog log)
    {
        if (log.Records.Count == 0)
        {
            return;
        }

        TrainingRecord last = log.Records[^1];
        List<(string Name, string Value)> facts =
        [
            ("model", $"{model.Name}, {model.Config.Architecture}, {Units.Count(job.ParameterCount)} parameters trained"),
            ("steps", $"{last.Step}, {last.Progress * 100:0} % of the run"),
            ("tokens", $"{Units.Count(last.Tokens)}, {last.Epochs:0.00} passes over the data"),
            ("loss", $"{log.Records.TakeLast(10).Average(record => record.Loss):0.0000} over the last ten steps"),
            ("speed", $"{Units.Short(view.TokensPerSecond)} tokens/s{(view.PeakShare is { } share ? $", {share * 100:0} % of the machine's peak" : "")}"),
        ];
        if (log.Records.LastOrDefault(record => record.ValidationLoss is not null) is { } validated)
        {
            facts.Insert(4, ("validation", $"{validated.ValidationLoss:0.0000} at step {validated.Step}, perplexity {Units.Short(Math.Exp(validated.ValidationLoss!.Value))}"));
        }

        File.WriteAllText(Path.Combine(folder, "curves.html"), TrainPicture.Html($"Training {Path.GetFileName(output)}", facts, log.Records, recipe.ToJson()));
    }

    void Report(ParseResult arguments, string output, TrainingJob job, TrainingOutcome outcome, TrainView view)
    {
        if (arguments.GetValue(_json))
        {
            JsonObject report = new()
            {
                ["path"] = output,
                ["bytes"] = new FileInfo(output).Length,
                ["steps"] = outcome.Steps,
                ["tokens"] = outcome.Tokens,
                ["loss"] = double.IsFinite(outcome.Loss) ? Math.Round(outcome.Loss, 6) : null,
                ["validationLoss"] = outcome.ValidationLoss is { } measured ? Math.Round(measured, 6) : null,
                ["tokensPerSecond"] = Math.Round(view.TokensPerSecond, 1),
                ["peakShare"] = view.PeakShare is { } part ? Math.Round(part, 4) : null,
                ["parameters"] = job.ParameterCount,
            };
            Console.WriteJson(report);
            return;
        }

        string validation = outcome.ValidationLoss is { } loss ? $", validation {loss:0.0000} (perplexity {Units.Short(Math.Exp(loss))})" : "";
        string share = view.PeakShare is { } reached ? $" ({reached * 100:0} % of the machine's peak)" : "";
        Console.Note($"{outcome.Steps} steps, {Units.Count(outcome.Tokens)} tokens, loss {outcome.Loss:0.0000}{validation}, {Units.Short(view.TokensPerSecond)} tokens/s{share}");
        Console.Output.WriteLine(output);
    }
}
