using System.CommandLine;
using System.Globalization;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Prune;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Export;
using OpenAutoGlm.Optimization.Pruning;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm prune: takes parts out of a model, or says what that would save and cost.</summary>
sealed class PruneCommand : AutoGlmCommand
{
    const int DefaultWindows = 16;
    const int DefaultWindowTokens = 128;

    readonly Argument<string?> _name = new("model") { Description = "A GGUF file, a model folder, a name on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _model = Flags.Model();
    readonly Option<bool> _advise = Flags.Switch("--advise", "Write nothing: try the ways to prune, and say what each saves, costs and is worth. The default where nothing is to be taken out.");
    readonly Option<bool> _predict = Flags.Switch("--predict", "With --advise: predict the harm instead of measuring it, for models too large to run many times.");
    readonly Option<int?> _layers = Flags.Int("--layers", "Layers to take out.", 1, 4096);
    readonly Option<string?> _ffn = Flags.Text("--ffn", "share", "Share of the feed-forward channels to take out, such as 25%; what is left is rounded down to whole blocks.");
    readonly Option<int?> _groups = Flags.Int("--groups", "Key and value heads to take out of every layer, with their query heads.", 1, 4096);
    readonly Option<int?> _heads = Flags.Int("--heads", "Query heads to take out of every layer; the rest must divide evenly among the key and value heads.", 1, 4096);
    readonly Option<int?> _experts = Flags.Int("--experts", "Experts to take out of every layer.", 1, 65536);
    readonly Option<string?> _sparsity = Flags.Text("--sparsity", "pattern", "Weights to set to zero: 50%, or 2:4 for two of any four.");
    readonly Option<string?> _method = Flags.Text("--method", "name", $"How units are chosen: {string.Join(", ", PruneJob.UnitMethods)} (default: sensitivity); and weights that become zero: {string.Join(", ", PruneJob.SparseMethods)} (default: wanda).");
    readonly Option<string[]> _texts = new("--text") { Description = "A text, or conversations in a .jsonl file: units are chosen on its first half, harm is measured on the rest. Default: what is built in, conversations of its own for autoglm-nano and a small set for others.", HelpName = "file" };
    readonly Option<int?> _windows = Flags.Int("--windows", $"Windows of text at most. Default: {DefaultWindows}.", 2, 1_000_000);
    readonly Option<int?> _windowTokens = Flags.Int("--window-tokens", $"Tokens in a window. Default: {DefaultWindowTokens}.", 4, 1_000_000);
    readonly Option<string?> _output = Flags.Text("--output", "path", "What to write: a .gguf file, or a folder of safetensors that is not there yet.", "-o");
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public PruneCommand(CommandConsole console)
        : base("prune", "Takes parts out of a model, or says what that would save and cost.", console)
    {
        Add(_name);
        AddAll([_model, _advise, _predict, _layers, _ffn, _groups, _heads, _experts, _sparsity, _method, _texts, _windows, _windowTokens, _output, _json, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm prune qwen3-0.6b.gguf --advise", "Is there anything worth taking out?"),
        ("autoglm prune qwen3-0.6b.gguf --ffn 25% --layers 2 -o smaller.gguf", "Take out a quarter of the feed-forward network and two layers:"),
        ("autoglm prune ./GLM-4.5-Air --experts 32 --text calls.jsonl -o ./GLM-4.5-Air-96", "Keep the experts that a use needs, as safetensors:"),
        ("autoglm prune model.gguf --sparsity 2:4 --method sparsegpt -o sparse.gguf", "Two of four weights to zero, for a GPU that skips them:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        PruningJob job = Job(arguments);
        string? output = arguments.GetValue(_output);
        bool advise = arguments.GetValue(_advise) || job.IsEmpty;
        if (!advise && output is null)
        {
            throw CommandFailedException.Usage("--output is missing: the file or folder to write. To see first what pruning would cost, say --advise.");
        }

        AutoInferenceOptions options = _engine.Read(arguments);
        using ModelPackage model = await OpenModel.PackageAsync(arguments.GetValue(_name) ?? arguments.GetValue(_model), options.Hub, Console, cancellation);
        using IBackend backend = AutoInferenceEngine.CreateBackend(model, options);
        (TokenWindows calibration, TokenWindows held) = Texts(model, arguments);
        MachineSpeed speed = MachineProbe.Measure(options.Cpu.Threads);
        MachineLimits machine = new(speed.ReadBytesPerSecond, speed.ByteOperationsPerSecond);
        StatusLine status = new(Console);
        try
        {
            if (advise)
            {
                PruningAdvisor advisor = new(model.Config, model.Weights, backend, calibration, held, machine);
                PruningAdvice advice = await Task.Run(() => advisor.Advise(!arguments.GetValue(_predict), job.Method, new Tried(status), cancellation), cancellation);
                status.End();
                new PruneReport(Console).Print(advice, arguments.GetValue(_json));
                return ExitCode.Done;
            }

            PruneOutcome outcome = await Task.Run(() => PruneJob.Run(job, model, backend, calibration, held, machine, status, cancellation), cancellation);
            ExportFormat format = output!.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? ExportFormat.Gguf : ExportFormat.Safetensors;
            await Task.Run(() => ModelExporter.Write(model, outcome.Config, outcome.Weights, new ExportOptions(format), output, new ProgressLine(status, $"writing {output}"), cancellation), cancellation);
            status.End();
            new PruneReport(Console).Print(outcome, output, arguments.GetValue(_json));
            return ExitCode.Done;
        }
        finally
        {
            status.End();
        }
    }

    PruningJob Job(ParseResult arguments)
    {
        string? method = arguments.GetValue(_method);
        string? sparsity = arguments.GetValue(_sparsity);
        try
        {
            return PruneJob.Of(method) with
            {
                Layers = arguments.GetValue(_layers) ?? 0,
                FfnShare = arguments.GetValue(_ffn) is { } share ? Share(share) : 0,
                KvHeads = arguments.GetValue(_groups) ?? 0,
                Heads = arguments.GetValue(_heads) ?? 0,
                Experts = arguments.GetValue(_experts) ?? 0,
                Sparsity = sparsity is null ? null : Sparsity.Parse(sparsity),
            };
        }
        catch (FormatException error)
        {
            throw CommandFailedException.Usage(error.Message);
        }
    }

    static double Share(string text)
    {
        bool percent = text.EndsWith('%');
        return double.TryParse(percent ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value / (percent ? 100 : 1) is > 0 and < 1 and double share
            ? share
            : throw CommandFailedException.Usage($"--ffn is '{text}'; a share above 0 and below 1 belongs there, such as 25% or 0.25.");
    }

    (TokenWindows Calibration, TokenWindows Held) Texts(ModelPackage model, ParseResult arguments)
    {
        string[] files = arguments.GetValue(_texts) ?? [];
        CalibrationData data = files.Length == 0 ? CalibrationData.For(model) : CalibrationData.Read(files);
        if (model.Tokenizer is not { } tokenizer)
        {
            throw new NotSupportedException($"{model.Path} has no tokenizer, so it cannot be given text: put tokenizer.json or tokenizer.model beside the weights.");
        }

        int windowTokens = Math.Min(arguments.GetValue(_windowTokens) ?? DefaultWindowTokens, model.Config.ContextLength);
        ChatTemplate? template = model.ChatTemplates.Default is { } source ? ChatTemplate.Parse(source) : null;
        TokenWindows windows = data.Windows(tokenizer, template, windowTokens, arguments.GetValue(_windows) ?? DefaultWindows);
        return windows.Windows.Length > 1
            ? windows.Split(windows.Windows.Length / 2)
            : throw new EvaluationException($"The text fills only one window of {windowTokens} tokens, but one is needed to choose and one to measure: give a longer text, or --window-tokens {windowTokens / 2}.");
    }

    sealed class Tried(StatusLine status) : IProgress<(string What, double Share)>
    {
        public void Report((string What, double Share) value) => new ProgressLine(status, value.What).Report(value.Share);
    }
}
