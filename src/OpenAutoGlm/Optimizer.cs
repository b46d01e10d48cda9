using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Passes;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Hardware;
using OpenAutoGlm.Optimization.Pruning;
using OpenAutoGlm.Optimization.Recipes;
using OpenAutoGlm.Optimization.Reports;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Search.Runs;
using OpenAutoGlm.Optimization.Sensitivity;
using OpenAutoGlm.Optimizing;

namespace OpenAutoGlm;

/// <summary>
/// Makes a model smaller and faster, and proves what that cost: say what is wanted, compile, read the report, write the
/// folder. The model itself is never changed.
/// <code>
/// using Optimizer optimizer = new("glm-4-9b-chat");
/// optimizer.Quantize(bits: 8).FuseOps().Compile();
/// Console.WriteLine(optimizer.Report());
/// </code>
/// </summary>
public sealed class Optimizer : IDisposable
{
    const double AutomaticLossPercent = 1;
    const double AutomaticShareOfMemory = 0.6;

    readonly string _name;
    readonly AutoInferenceOptions _options;
    readonly TimeProvider _time;
    OptimizationOptions _run;
    ModelPackage? _model;
    IBackend? _backend;
    string? _pending;
    HardwareProfile? _profile;
    bool _fuse = true;
    bool _disposed;

    /// <summary>An optimizer of a model, which is looked for when it is first needed.</summary>
    /// <param name="nameOrPath">A GGUF file, a model folder, organisation/model on the hub, or synth:SHAPE[:FORMAT].</param>
    /// <param name="options">Where models are looked for, and what computes.</param>
    /// <param name="time">The clock; null for the system's.</param>
    public Optimizer(string nameOrPath, AutoInferenceOptions? options = null, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        (_name, _options, _time) = (nameOrPath, options ?? new AutoInferenceOptions(), time ?? TimeProvider.System);
        _run = new OptimizationOptions
        {
            CacheFolder = Path.Combine((_options.Hub ?? HubOptions.FromEnvironment()).CacheFolder, "optimizer"),
        };
    }

    /// <summary>What is wanted, as a recipe; whatever is said by other methods ends up in it.</summary>
    public Recipe Recipe
    {
        get => _run.Recipe;
        set => _run = _run with { Recipe = value };
    }

    /// <summary>What came out; null before <see cref="Compile"/>.</summary>
    public OptimizationResult? Result { get; private set; }

    /// <summary>What the passes over the graph made of the result; null before <see cref="Compile"/>, or without <see cref="FuseOps"/>.</summary>
    public PassReport? Fusion { get; private set; }

    /// <summary>The model's files.</summary>
    public ModelPackage Model => _model ??= ModelPackage.Open(ModelLocator.LocateAsync(_name, _options.Hub).GetAwaiter().GetResult());

    /// <summary>All matrices in one format of so many bits: 16 (BF16), 8 (Q8_0), 6 (Q6_K), 5 (Q5_K) or 4 (Q4_K).</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no format of so many bits.</exception>
    public Optimizer Quantize(int bits) => bits switch
    {
        16 or 8 or 6 or 5 or 4 => Uniform(bits switch { 16 => TensorFormat.BF16, 8 => TensorFormat.Q8_0, 6 => TensorFormat.Q6_K, 5 => TensorFormat.Q5_K, _ => TensorFormat.Q4_K }),
        _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, "Matrices take 16, 8, 6, 5 or 4 bits; for a mixture that fits a budget say Quantize(\"auto\") and Within(…)."),
    };

    /// <summary>
    /// int8 (Q8_0), int4 (the mixture Q4_K_M), fp16 (F16), a format or a mixture by name, or auto: whatever keeps the perplexity
    /// within 1 % and fits this machine's memory, or what <see cref="Within"/> asks for instead.
    /// </summary>
    /// <exception cref="ArgumentException">There is no such format; the message lists all.</exception>
    public Optimizer Quantize(string format)
    {
        ArgumentException.ThrowIfNullOrEmpty(format);
        string name = format.ToLowerInvariant() switch { "int8" => "Q8_0", "int4" => "Q4_K_M", "fp16" => "F16", string other => other };
        if (name == "auto")
        {
            _pending = "auto";
            Recipe = Recipe with { Rules = [] };
            return this;
        }

        FormatMixture mixture = FormatMixture.All.FirstOrDefault(known => known.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no format '{format}'; known are auto, int8, int4, fp16, {string.Join(", ", FormatMixture.Names)}.", nameof(format));
        _pending = mixture.Name;
        return this;
    }

    /// <summary>Budgets and a floor of quality; the search keeps all of them, by measured numbers, or says which it cannot.</summary>
    /// <param name="bytes">Most bytes of weights.</param>
    /// <param name="latency">Longest time for a token.</param>
    /// <param name="lossPercent">By how many per cent the perplexity may rise.</param>
    /// <param name="kl">Largest mean KL from the original, in nats a token.</param>
    /// <param name="prefill">Longest time for a token of a prompt.</param>
    public Optimizer Within(long? bytes = null, TimeSpan? latency = null, double? lossPercent = null, double? kl = null, TimeSpan? prefill = null)
    {
        Wish wish = Recipe.Wish with
        {
            MaxBytes = bytes ?? Recipe.Wish.MaxBytes,
            MaxDecodeSeconds = latency?.TotalSeconds ?? Recipe.Wish.MaxDecodeSeconds,
            MaxLossPercent = lossPercent ?? Recipe.Wish.MaxLossPercent,
            MaxKl = kl ?? Recipe.Wish.MaxKl,
            MaxPrefillSeconds = prefill?.TotalSeconds ?? Recipe.Wish.MaxPrefillSeconds,
        };
        wish.Check();
        Recipe = Recipe with { Wish = wish };
        return this;
    }

    /// <summary>
    /// Takes parts out before anything is rounded: shapes get smaller, or weights zero. What is least important on the calibration text
    /// goes; floors of quality are about the original as it came.
    /// </summary>
    /// <param name="layers">Layers that go.</param>
    /// <param name="ffn">The share of the feed-forward channels that every layer loses, below 1.</param>
    /// <param name="heads">Query heads that every layer loses; the rest must divide evenly among the key and value heads.</param>
    /// <param name="kvHeads">Key and value heads that every layer loses, with their query heads.</param>
    /// <param name="experts">Experts that every layer loses.</param>
    /// <param name="sparsity">Weights that become zero: "50%", or "2:4" for two of any four; null for none.</param>
    /// <param name="method">How units are chosen.</param>
    /// <param name="zeros">How weights that become zero are chosen.</param>
    /// <exception cref="ArgumentException">A number is below 0, or the share takes everything.</exception>
    /// <exception cref="FormatException">There is no such sparsity.</exception>
    public Optimizer Prune(
        int layers = 0,
        double ffn = 0,
        int heads = 0,
        int kvHeads = 0,
        int experts = 0,
        string? sparsity = null,
        ImportanceMethod method = ImportanceMethod.Sensitivity,
        SparseMethod zeros = SparseMethod.Wanda)
    {
        PruningJob job = new()
        {
            Layers = layers,
            FfnShare = ffn,
            Heads = heads,
            KvHeads = kvHeads,
            Experts = experts,
            Sparsity = sparsity is null ? null : Sparsity.Parse(sparsity),
            Method = method,
            Zeros = zeros,
        };
        job.Check();
        Recipe = Recipe with { Prune = job };
        return this;
    }

    /// <summary>What keys and values are stored in; several for a choice, none for all.</summary>
    /// <param name="formats">Formats of keys and values.</param>
    public Optimizer KvCache(params ReadOnlySpan<TensorFormat> formats)
    {
        Recipe = Recipe with { KvFormats = [.. formats] };
        return this;
    }

    /// <summary>
    /// The machine that the model is for, where it is not this one: its memory is the budget where none is given, and the report
    /// estimates what it would make of the result. Times are always those of this machine.
    /// </summary>
    public Optimizer For(HardwareProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        _profile = profile.Measured ? null : profile;
        return profile.Measured || Recipe.Wish.MaxBytes is not null ? this : Within(bytes: profile.UsableBytes);
    }

    /// <summary>Texts to calibrate and measure with, instead of the built-in ones.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public Optimizer Calibrate(params IReadOnlyList<string> files)
    {
        _run = _run with { Data = CalibrationData.Read(files) };
        Recipe = Recipe with { Calibration = Recipe.Calibration with { Text = [.. files] } };
        return this;
    }

    /// <summary>Changes how the optimisation runs: caches, time for sensitivities.</summary>
    public Optimizer Configure(Func<OptimizationOptions, OptimizationOptions> change)
    {
        _run = change(_run);
        return this;
    }

    /// <summary>Whether operations are fused where the backend can, as they are when a model is served; on unless it is switched off.</summary>
    public Optimizer FuseOps(bool fuse = true)
    {
        _fuse = fuse;
        return this;
    }

    /// <summary>
    /// What the model costs on this machine as it is, measured operator by operator: what bounds each, where memory goes, and
    /// what would help most. Changes and writes nothing.
    /// </summary>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Ends it between two steps.</param>
    public ModelAnalysis Analyze(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        MachineSpeed speed = MachineProbe.Measure(_options.Cpu.Threads);
        MachineRates rates = new(speed.ReadBytesPerSecond, speed.FloatOperationsPerSecond, speed.BFloat16OperationsPerSecond, speed.ByteOperationsPerSecond);
        return ModelAnalysis.Of(Model.Config, Model.Weights, Backend, new AnalysisOptions { Machine = rates }, _options.Engine.KvFormat, progress, cancellation);
    }

    /// <summary>Does it all in memory: calibrates, searches, measures. <see cref="Result"/> and <see cref="Report"/> tell, <see cref="Write"/> writes.</summary>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellation">Breaks off; what was measured is kept in the cache.</param>
    public Optimizer Compile(IProgress<OptimizationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Settle();
        MachineReport machine = MachineProbe.Look();
        Result = OptimizationRun.Run(Model, Backend, _run with { Machine = machine.Model }, _time, progress, cancellation);
        Fusion = _fuse && Result.Weights is { } weights ? FusionOf(weights, Result.Promise.Best!.Answer.Assignment.KvFormat) : null;
        return this;
    }

    /// <summary>What was asked, what was reached, what was measured: a few lines of text.</summary>
    /// <exception cref="InvalidOperationException">Nothing was compiled yet.</exception>
    public string Report()
    {
        StringBuilder text = new();
        text.AppendJoin('\n', Compiled.Summary());
        if (Fusion is { } fusion)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\nFused: {fusion.Before.Kernels} kernels a step became {fusion.After.Kernels}.");
        }

        foreach (string warning in Compiled.Warnings)
        {
            text.Append("\nNote: ").Append(warning);
        }

        return text.ToString();
    }

    /// <summary>Everything that is known about the result, for a page (ToHtml) or a program (ToJson).</summary>
    /// <param name="commands">Commands that do the same again.</param>
    /// <exception cref="InvalidOperationException">Nothing was compiled yet.</exception>
    public OptimizationReport FullReport(params ImmutableArray<ReportedCommand> commands) => FullReport(commands, CancellationToken.None);

    OptimizationReport FullReport(ImmutableArray<ReportedCommand> commands, CancellationToken cancellation)
    {
        ReportedMachine machine = ThisMachine();
        ReportFacts facts = new(Model.Name, Model.Path, machine, $"Open-AutoGLM {typeof(Optimizer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?"}", _time.GetUtcNow(), commands);
        MachineRates rates = new(machine.ReadBytesPerSecond, machine.FloatOperationsPerSecond, machine.BFloat16OperationsPerSecond, machine.ByteOperationsPerSecond);
        AnalysisOptions look = new() { Machine = rates, PromptTokens = 128, Repetitions = 3 };
        return OptimizationReporting.Of(Compiled, Model.Config, Model.Weights, facts) with
        {
            Fusion = Fusion,
            Elsewhere = Elsewhere(),
            Analysis = ModelAnalysis.Of(Model.Config, Model.Weights, Backend, look, _options.Engine.KvFormat, progress: null, cancellation),
            ResultAnalysis = Compiled.Weights is { } weights ? ModelAnalysis.Of(Compiled.Config, weights, Backend, look, Compiled.Promise.Best!.Answer.Assignment.KvFormat, progress: null, cancellation) : null,
        };
    }

    ImmutableArray<ElsewhereEstimate> Elsewhere()
    {
        if (_profile is not { } profile || Compiled.Weights is not { } weights)
        {
            return [];
        }

        TensorFormat kv = Compiled.Promise.Best!.Answer.Assignment.KvFormat;
        int context = Math.Max(1, Recipe.Wish.ContextTokens);
        HardwareEstimate Estimate(ModelConfig config, IWeights of)
        {
            ModelGraph graph = Architecture.Build(config, of, new GraphOptions(KvFormat: kv));
            TensorFormat most = graph.OfKind(ValueKind.Weight).GroupBy(value => value.Type.Format).MaxBy(group => group.Sum(value => value.Constant!.Shape.ElementCount))!.Key;
            return HardwareEstimate.Of(profile, GraphCost.Of(graph), most, profile.Sequences, context);
        }

        return [Estimate(Compiled.Config, weights).ToRow(Estimate(Model.Config, Model.Weights))];
    }

    /// <summary>
    /// Writes the result: model.gguf, recipe.json, report.json and report.html. The folder is filled beside its name and then put
    /// in its place, so that what is there is whole.
    /// </summary>
    /// <param name="folder">The folder; files of these names in it are replaced, others stay.</param>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellation">Breaks off and leaves nothing behind.</param>
    /// <param name="commands">Commands for the report.</param>
    /// <exception cref="InvalidOperationException">Nothing was compiled yet, or the wish is impossible.</exception>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public void Write(string folder, IProgress<OptimizationProgress>? progress = null, CancellationToken cancellation = default, params ImmutableArray<ReportedCommand> commands)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (Compiled.Weights is null)
        {
            throw new InvalidOperationException($"There is no model to write: {string.Join(' ', Compiled.Summary())}");
        }

        OptimizedFolder.Write(folder, Model, Compiled, FullReport(commands, cancellation), progress, cancellation);
    }

    /// <summary>Compiles and writes.</summary>
    /// <inheritdoc cref="Write"/>
    public OptimizationResult Run(string folder, IProgress<OptimizationProgress>? progress = null, CancellationToken cancellation = default)
    {
        Compile(progress, cancellation);
        if (Compiled.Weights is not null)
        {
            Write(folder, progress, cancellation);
        }

        return Compiled;
    }

    /// <summary>The same on another thread.</summary>
    /// <inheritdoc cref="Run"/>
    public Task<OptimizationResult> RunAsync(string folder, IProgress<OptimizationProgress>? progress = null, CancellationToken cancellation = default) =>
        Task.Run(() => Run(folder, progress, cancellation), cancellation);

    /// <summary>Frees the model's files and the backend; results must not be used afterwards.</summary>
    public void Dispose()
    {
        _disposed = true;
        _backend?.Dispose();
        _model?.Dispose();
        (_backend, _model) = (null, null);
    }

    IBackend Backend => _backend ??= CreateBackend();

    OptimizationResult Compiled => Result ?? throw new InvalidOperationException("Nothing was compiled yet: call Compile() first.");

    /// <summary>What was said before the model was known.</summary>
    void Settle()
    {
        switch (_pending)
        {
            case "auto" when Recipe.Wish.IsEmpty:
                long memory = (long)(MachineProbe.Look().Memory.Available * AutomaticShareOfMemory);
                long bytes = Model.Weights.Stored.Sum(tensor => tensor.Bytes);
                Recipe = Recipe with { Wish = Recipe.Wish with { MaxLossPercent = AutomaticLossPercent, MaxBytes = bytes > memory ? memory : null } };
                break;

            case { } name and not "auto":
                FormatMixture mixture = FormatMixture.Find(name);
                Recipe = Recipe with { Rules = RulesOf(mixture) };
                break;
        }

        _pending = null;
    }

    /// <summary>Layers that pruning leaves.</summary>
    int Layers => Model.Config.Layers - Recipe.Prune.Layers;

    ImmutableArray<RecipeRule> RulesOf(FormatMixture mixture) =>
    [
        .. TensorGroups.Of(Model.Config, Model.Weights).Where(group => group.Layer < Layers).SelectMany(group => group.Tensors).SelectMany(tensor =>
        {
            ReadOnlySpan<int> extents = tensor.Matrices > 1 ? [tensor.Matrices, tensor.Rows, tensor.Columns] : [tensor.Rows, tensor.Columns];
            return mixture.For(tensor.Name, extents, Model.Config with { Layers = Layers }) is { } format ? new[] { new RecipeRule(tensor.Name, [format]) } : [];
        }),
    ];

    Optimizer Uniform(TensorFormat format)
    {
        _pending = null;
        Recipe = Recipe with { Rules = [new RecipeRule("*", [format])] };
        return this;
    }

    IBackend CreateBackend() => _options.Backend == BackendKind.Reference ? new ReferenceInterpreter() : new CpuBackend(_options.Cpu with { DisabledPasses = _fuse ? _options.Cpu.DisabledPasses : [PassPipeline.EveryPass] });

    PassReport? FusionOf(IWeights weights, TensorFormat kvFormat)
    {
        ModelGraph graph = Architecture.Build(Compiled.Config, weights, new GraphOptions(KvFormat: kvFormat));
        PlanLimits limits = new((Graph.Tensors.Dim.Tokens, 1), (Graph.Tensors.Dim.Sequences, 1), (Graph.Tensors.Dim.Outputs, 1), (Graph.Tensors.Dim.Blocks, 1), (Graph.Tensors.Dim.KvBlocks, 1));
        return new PassPipeline(_options.Cpu.DisabledPasses).Run(graph, limits).Report;
    }

    ReportedMachine ThisMachine()
    {
        MachineReport machine = MachineProbe.Look();
        MachineSpeed speed = MachineProbe.Measure(_options.Cpu.Threads);
        return new ReportedMachine
        {
            Processor = machine.Model,
            Architecture = machine.Architecture,
            InstructionSet = $"{machine.InUse}",
            Extensions = machine.Extensions,
            UsableCores = machine.UsableCores,
            Threads = speed.Threads,
            MemoryBytes = machine.Memory.Total,
            ReadBytesPerSecond = speed.ReadBytesPerSecond,
            FloatOperationsPerSecond = speed.FloatOperationsPerSecond,
            BFloat16OperationsPerSecond = speed.BFloat16OperationsPerSecond,
            ByteOperationsPerSecond = speed.ByteOperationsPerSecond,
            Software = $"{Environment.OSVersion}, .NET {Environment.Version}",
        };
    }
}
