using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Optimize;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Hardware;
using OpenAutoGlm.Optimization.Recipes;
using OpenAutoGlm.Optimization.Reports;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Search.Runs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm optimize: the best model for a wish, with the proof.</summary>
sealed class OptimizeCommand : AutoGlmCommand
{
    readonly Argument<string?> _name = new("model") { Description = "A GGUF file, a model folder, a name on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _model = Flags.Model();
    readonly Option<string?> _output = Flags.Text("--output", "folder", "Where model.gguf, recipe.json and the report go. Default: the model's name and -optimized.", "-o");
    readonly Option<long?> _maxBytes = Flags.Bytes("--max-bytes", "Most bytes of weights, and of the keys and values of --context tokens.");
    readonly Option<double?> _maxLoss = Percent("--max-loss", "By how much the perplexity may rise, such as 1%.");
    readonly Option<float?> _maxKl = Flags.Number("--max-kl", "Largest mean divergence from the original, in nats a token.", 1e-9f, 100);
    readonly Option<TimeSpan?> _decode = Flags.Time("--target-tpot", "Longest time for a token of one sequence, measured on this machine.");
    readonly Option<TimeSpan?> _prefill = Flags.Time("--target-prefill", "Longest time for a token of a prompt, measured on this machine.");
    readonly Option<string?> _minimise = Flags.OneOf("--minimise", "What is made as small as possible. Default: loss under budgets, bytes under a floor of quality.", "loss", "bytes", "tpot", "prefill");
    readonly Option<string?> _recipe = Flags.Text("--recipe", "file", "A recipe (docs/optimizer.md). Flags given beside it go before it; the recipe that a run writes gives the same bytes again.");
    readonly Option<string[]?> _formats = Flags.Names("--formats", "Q8_0,Q4_K,…", "Formats that may be chosen, with commas between them. Default: all that can be written.", [.. FormatRule.Writable.Select(format => format.ToString())]);
    readonly Option<string?> _method = Flags.OneOf("--method", "How weights are rounded. Default: importance.", [.. Methods.Names]);
    readonly Option<string?> _kv = Flags.OneOf("--kv", "What keys and values are stored in; auto lets the search choose. Default: BF16.", "F32", "F16", "BF16", "Q8_0", "auto");
    readonly Option<int?> _context = Flags.Int("--context", "Tokens whose keys and values count into --max-bytes, and the depth at which times hold. Default: 0.", 0, int.MaxValue);
    readonly Option<string[]> _text = new("--text") { Description = "Text files, or conversations in .jsonl files, to calibrate and measure with; may be given several times. Default: what is built in, conversations of its own for autoglm-nano and a small set for others.", HelpName = "file" };
    readonly Option<int?> _windows = Flags.Int("--windows", "Windows of text for statistics. Default: 32.", 1, 1_000_000);
    readonly Option<int?> _heldOut = Flags.Int("--held-out", "Windows of text that promises are measured on. Default: 32.", 1, 1_000_000);
    readonly Option<int?> _windowTokens = Flags.Int("--window-tokens", "Tokens in a window. Default: 128.", 4, 1_000_000);
    readonly Option<string?> _sensitivity = Flags.OneOf("--sensitivity", "How losses of choices are found. Default: as much measuring as two minutes allow.", [.. Enum.GetNames<SensitivityMethod>().Select(name => name.ToLowerInvariant())]);
    readonly Option<string?> _grouping = Flags.OneOf("--group", "Whether stored tensors are chosen for one by one, or those that a fused step multiplies together. Default: stored.", "stored", "fused");
    readonly Option<string?> _for = Flags.Text("--for", "profile", "The machine that the model is for, where it is not this one: a name such as t4 or h100, or a file of yours; its memory is the budget where none is given.");
    readonly Option<bool> _analyze = Flags.Switch("--analyze", "Only look: what the model costs on this machine by operator, where memory goes, and what would help most.");
    readonly Option<bool> _resume = Flags.Switch("--resume", "Go on from what an earlier run measured; this is so unless --no-cache is given.");
    readonly Option<bool> _noCache = Flags.Switch("--no-cache", "Measure everything anew and keep nothing.");
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public OptimizeCommand(CommandConsole console)
        : base("optimize", "Finds the best formats of a model's weights for a wish, proves it, and writes the model with a report.", console)
    {
        Add(_name);
        AddAll([_model, _output, _maxBytes, _maxLoss, _maxKl, _decode, _prefill, _minimise, _recipe, _formats, _method, _kv, _context, _text, _windows, _heldOut, _windowTokens, _sensitivity, _grouping, _for, _analyze, _resume, _noCache, _json, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm optimize glm-4-9b-chat.F16.gguf --max-loss 1% -o glm-small", "The smallest model whose perplexity is at most 1 % higher:"),
        ("autoglm optimize ./GLM-4-9B-0414 --max-bytes 4G --context 8192 --kv auto", "The best model that fits 4 GiB with a context of 8,192 tokens:"),
        ("autoglm optimize model.gguf --target-tpot 40ms --max-kl 0.05 --text chats.jsonl", "40 ms a token on this machine, and no further from the original than that:"),
        ("autoglm optimize model.gguf --analyze", "What bounds it here, and what would help most:"),
        ("autoglm optimize model.gguf --recipe glm-small/recipe.json -o again", "The same bytes again, or what you made of the recipe:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        if (arguments.GetValue(_resume) && arguments.GetValue(_noCache))
        {
            throw CommandFailedException.Usage("--resume and --no-cache contradict each other: give one of them.");
        }

        AutoInferenceOptions options = _engine.Read(arguments);
        string path = await OpenModel.LocateAsync(arguments.GetValue(_name) ?? arguments.GetValue(_model), options.Hub, Console, cancellation);
        if (arguments.GetValue(_analyze))
        {
            return await AnalyzeAsync(path, options, arguments.GetValue(_json), cancellation);
        }

        string folder = arguments.GetValue(_output) ?? DefaultFolder(path);
        if (File.Exists(folder))
        {
            throw CommandFailedException.Usage($"--output takes a folder, and '{folder}' is a file.");
        }

        Recipe recipe = Read(arguments) with { Model = Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) };
        using Optimizer optimizer = new(path, options) { Recipe = recipe };
        if (Profile(arguments) is { } profile)
        {
            optimizer.For(profile);
        }

        if (!recipe.Calibration.Text.IsEmpty)
        {
            optimizer.Calibrate([.. recipe.Calibration.Text]);
        }

        if (arguments.GetValue(_noCache))
        {
            optimizer.Configure(run => run with { CacheFolder = null });
        }

        ReportCommands commands = new(path, folder);
        try
        {
            await OptimizeProgressView.ShowAsync(Console, progress => Task.Run(() =>
            {
                optimizer.Compile(progress, cancellation);
                if (optimizer.Result!.Weights is not null)
                {
                    optimizer.Write(folder, progress, cancellation, commands.All);
                }
            }, cancellation));
        }
        catch (OperationCanceledException)
        {
            Console.Note("Broken off. No model was written; what was measured is kept, and the same command goes on from there.");
            throw;
        }
        catch (Exception error) when (error is RecipeException or EvaluationException)
        {
            throw new CommandFailedException(error.Message, ExitCode.Failed, error);
        }

        return Show(optimizer, folder, arguments.GetValue(_json));
    }

    async Task<int> AnalyzeAsync(string path, AutoInferenceOptions options, bool json, CancellationToken cancellation)
    {
        using Optimizer optimizer = new(path, options);
        StatusLine status = new(Console);
        status.Say("timing every operator");
        ModelAnalysis analysis = await Task.Run(() => optimizer.Analyze(progress: null, cancellation), cancellation);
        status.End();
        if (json)
        {
            Console.Output.WriteLine(analysis.ToJson());
        }
        else
        {
            AnalysisPrinter.Print(analysis, Console);
        }

        return ExitCode.Done;
    }

    HardwareProfile? Profile(ParseResult arguments)
    {
        if (arguments.GetValue(_for) is not { } name)
        {
            return null;
        }

        return HardwareProfiles.Find(name, () =>
        {
            MachineSpeed speed = MachineProbe.Measure();
            MachineReport machine = MachineProbe.Look();
            return HardwareProfile.ThisMachine(machine.Model, machine.Memory.Total, new MachineRates(speed.ReadBytesPerSecond, speed.FloatOperationsPerSecond, speed.BFloat16OperationsPerSecond, speed.ByteOperationsPerSecond));
        });
    }

    int Show(Optimizer optimizer, string folder, bool json)
    {
        OptimizationResult result = optimizer.Result!;
        bool written = result.Weights is not null;
        if (json)
        {
            PromiseRound? best = result.Promise.Best;
            Console.WriteJson(new JsonObject
            {
                ["kept"] = result.Kept,
                ["folder"] = written ? folder : null,
                ["wish"] = $"{result.Wish}",
                ["weightBytesBefore"] = result.OriginalBytes,
                ["weightBytes"] = best is null ? null : (long)result.WeightBytes(best),
                ["meanKl"] = best?.Measured.Quality.MeanKl,
                ["meanKlError"] = best?.Measured.Quality.MeanKlError,
                ["perplexityBefore"] = result.Original.Perplexity,
                ["perplexity"] = best?.Measured.Quality.Perplexity,
                ["candidatesMeasured"] = result.Promise.Rounds.Length,
                ["nearest"] = new JsonArray([.. result.Promise.Nearest.Select(nearest => (JsonNode)nearest.ToString())]),
                ["summary"] = new JsonArray([.. result.Summary().Select(line => (JsonNode)line)]),
            });
        }
        else
        {
            Console.Output.WriteLine(optimizer.Report());
            if (written)
            {
                Console.Output.WriteLine(folder);
            }
        }

        if (result.Kept)
        {
            return ExitCode.Done;
        }

        Console.Error.WriteLine(written
            ? $"error: The wish is not kept: {string.Join("; ", result.Promise.Nearest)}. The nearest model is in {folder}."
            : $"error: The budgets cannot be kept: {string.Join("; ", result.Promise.Nearest)}.");
        return ExitCode.Failed;
    }

    Recipe Read(ParseResult arguments)
    {
        Recipe recipe;
        try
        {
            recipe = arguments.GetValue(_recipe) is { } file ? Recipe.Load(file) : new Recipe();
        }
        catch (RecipeException error)
        {
            throw CommandFailedException.Usage(error.Message);
        }

        Wish wish = recipe.Wish;
        string? kv = arguments.GetValue(_kv);
        RecipeCalibration calibration = recipe.Calibration;
        string[] text = arguments.GetValue(_text) ?? [];
        return recipe with
        {
            Formats = arguments.GetValue(_formats) is { } formats ? [.. formats.Select(Enum.Parse<TensorFormat>)] : recipe.Formats,
            Method = arguments.GetValue(_method) ?? recipe.Method,
            KvFormats = kv is null ? recipe.KvFormats : kv == "auto" ? [] : [Enum.Parse<TensorFormat>(kv)],
            Grouping = arguments.GetValue(_grouping) is { } grouping ? Enum.Parse<Grouping>(grouping, ignoreCase: true) : recipe.Grouping,
            Sensitivity = arguments.GetValue(_sensitivity) is { } sensitivity ? Enum.Parse<SensitivityMethod>(sensitivity, ignoreCase: true) : recipe.Sensitivity,
            Calibration = calibration with
            {
                Text = text.Length > 0 ? [.. text] : calibration.Text,
                Windows = arguments.GetValue(_windows) ?? calibration.Windows,
                HeldOutWindows = arguments.GetValue(_heldOut) ?? calibration.HeldOutWindows,
                WindowTokens = arguments.GetValue(_windowTokens) ?? calibration.WindowTokens,
            },
            Wish = wish with
            {
                MaxBytes = arguments.GetValue(_maxBytes) ?? wish.MaxBytes,
                MaxLossPercent = arguments.GetValue(_maxLoss) ?? wish.MaxLossPercent,
                MaxKl = arguments.GetValue(_maxKl) ?? wish.MaxKl,
                MaxDecodeSeconds = arguments.GetValue(_decode)?.TotalSeconds ?? wish.MaxDecodeSeconds,
                MaxPrefillSeconds = arguments.GetValue(_prefill)?.TotalSeconds ?? wish.MaxPrefillSeconds,
                ContextTokens = arguments.GetValue(_context) ?? wish.ContextTokens,
                Minimise = arguments.GetValue(_minimise) switch { "loss" => Goal.Loss, "bytes" => Goal.Bytes, "tpot" => Goal.DecodeSeconds, "prefill" => Goal.PrefillSeconds, _ => wish.Minimise },
            },
        } is { } asked && (!asked.Wish.IsEmpty || arguments.GetValue(_for) is not null || asked.Wish.Minimise is not null || !asked.Groups.IsEmpty || !asked.Rules.IsEmpty)
            ? asked
            : throw CommandFailedException.Usage("Nothing is asked for. Say what matters: --max-bytes 4G, --max-loss 1%, --max-kl 0.02, --target-tpot 40ms, or give a --recipe.");
    }

    static string DefaultFolder(string path) => $"{Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(path))}-optimized";

    static Option<double?> Percent(string name, string description) => Flags.Parsed<double?>(
        name,
        "percent",
        description,
        "a share such as 1% or 0.5%",
        text => double.TryParse(text.EndsWith('%') ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is > 0 and <= 10_000 ? value : null);

    /// <summary>What a report says about doing it again.</summary>
    sealed record ReportCommands(string Model, string Folder)
    {
        public System.Collections.Immutable.ImmutableArray<ReportedCommand> All =>
        [
            new("Make the same model again", $"autoglm optimize {Quoted(Model)} --recipe {Quoted(Path.Combine(Folder, "recipe.json"))} --output again"),
            new("Compare it with the original", $"autoglm eval {Quoted(Model)} --against {Quoted(Path.Combine(Folder, "model.gguf"))}"),
            new("Serve it", $"autoglm serve {Quoted(Path.Combine(Folder, "model.gguf"))}"),
        ];

        static string Quoted(string path) => path.All(character => char.IsAsciiLetterOrDigit(character) || character is '/' or '.' or '-' or '_' or ':') ? path : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
