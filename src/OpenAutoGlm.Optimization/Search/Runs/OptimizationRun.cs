using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Pruning;
using OpenAutoGlm.Optimization.Quantization;
using OpenAutoGlm.Optimization.Recipes;
using OpenAutoGlm.Optimization.Search.Costs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>
/// The whole way from a model and a recipe to weights that keep its wish: check, calibrate, measure the original, find what
/// choices lose and cost, search, build, measure, and search again until the promise is kept. Nothing is written but
/// caches. The backend computes everything, with the arithmetic that will serve the result.
/// </summary>
public sealed class OptimizationRun
{
    // Gram matrices beyond this are larger than most models, and reading them costs what computing them does.
    const long MostCachedGram = 1L << 30;

    readonly ModelPackage _model;
    readonly IBackend _backend;
    readonly OptimizationOptions _options;
    readonly TimeProvider _time;
    readonly IProgress<OptimizationProgress>? _progress;
    readonly CancellationToken _cancellation;
    readonly List<StageDuration> _stages = [];
    readonly List<string> _warnings = [];
    PrunedModel? _pruned;
    OptimizationStage _stage;
    long _since;

    OptimizationRun(ModelPackage model, IBackend backend, OptimizationOptions options, TimeProvider time, IProgress<OptimizationProgress>? progress, CancellationToken cancellation)
    {
        (_model, _backend, _options, _time, _progress, _cancellation) = (model, backend, options, time, progress, cancellation);
        _since = time.GetTimestamp();
    }

    Recipe Recipe => _options.Recipe;

    ModelConfig Config => _pruned?.Config ?? _model.Config;

    IWeights Weights => _pruned?.Weights ?? _model.Weights;

    /// <summary>Optimises a model.</summary>
    /// <param name="model">The model; it stays as it is, and the result's weights need it.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="options">What is wanted, and how.</param>
    /// <param name="time">The clock.</param>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellation">Breaks off; what was measured is kept in the cache folder.</param>
    /// <exception cref="RecipeException">The recipe does not fit the model.</exception>
    /// <exception cref="ModelFormatException">A weight is not a number.</exception>
    /// <exception cref="EvaluationException">The text is too short, or the model gives no numbers on it.</exception>
    public static OptimizationResult Run(
        ModelPackage model, IBackend backend, OptimizationOptions options, TimeProvider time, IProgress<OptimizationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new OptimizationRun(model, backend, options, time, progress, cancellation).Run();
    }

    OptimizationResult Run()
    {
        Recipe.Wish.Check();
        Enter(OptimizationStage.Reading);
        ChoiceSpace? whole = Recipe.Prune.IsEmpty ? RecipeSpace.Of(Recipe, Config, Weights) : null;
        long originalBytes = ModelCosts.StoredBytes(Config, Weights, out ImmutableArray<string> names);
        WeightCheck.Finite(_model.Path, Weights, names, Share(), _cancellation);
        CalibrationWindows windows = Windows();
        if (windows.Warning is { } warning)
        {
            _warnings.Add(warning);
        }

        if (!Recipe.Prune.IsEmpty)
        {
            Enter(OptimizationStage.Pruning);
            _pruned = Recipe.Prune.Apply(Config, Weights, _backend, windows.Calibration, new Told<(string What, double Share)>(told => Tell(told.Share, told.What)), _cancellation);
        }

        ChoiceSpace space = whole ?? RecipeSpace.Of(Recipe, Config, Weights);
        windows = windows.For(space.Groups.Sum(group => group.Elements));
        Enter(OptimizationStage.Calibrating);
        Dictionary<string, RoundingMethod> methods = space.Groups.SelectMany(group => group.Tensors).ToDictionary(tensor => tensor.Name, tensor => Methods.Of(Recipe.MethodOf(tensor.Name)), StringComparer.Ordinal);
        ActivationStatistics? statistics = Statistics(space, windows, methods);
        CandidateBuilder builder = Builder(space, statistics, methods);

        Enter(OptimizationStage.Original);
        using HeldOutText heldOut = HeldOut(space, windows);
        SensitivityTable? losses = RecipeSpace.Fixed(space) is null ? Sensitivities(space, builder, windows) : null;
        ModelCosts costs = Costs(space);

        Enter(OptimizationStage.Searching);
        PromiseResult promise = losses is null
            ? Given(RecipeSpace.Fixed(space)!, costs, space, builder, heldOut)
            : Searched(new FormatSearch(losses, costs), builder, heldOut);
        WeightOverlay? result = promise.Best is { } best ? builder.Build(best.Answer.Assignment, _cancellation) : null;
        (KernelTime? before, KernelTime? after) = Speeds(promise, result, space);
        if (heldOut.Original.Perplexity > Config.Vocab)
        {
            _warnings.Add(
                $"The text means nothing to this model: its perplexity of {Figures.Short(heldOut.Original.Perplexity)} is worse than guessing among its {Config.Vocab:N0} tokens, so the losses here say little. Give a text of the kind that the model is for.");
        }

        Leave();
        return new OptimizationResult
        {
            Recipe = promise.Best is { } chosen ? Recipe.With(space, chosen.Answer.Assignment) : Recipe,
            Wish = Recipe.Wish,
            Space = space,
            Sensitivity = losses,
            Costs = costs,
            Promise = promise,
            Weights = result,
            Config = Config,
            Pruned = _pruned,
            Original = heldOut.Original,
            OriginalTime = before,
            ResultTime = after,
            OriginalBytes = originalBytes,
            Stages = [.. _stages],
            Warnings = [.. _warnings],
        };
    }

    ActivationStatistics? Statistics(ChoiceSpace space, CalibrationWindows windows, Dictionary<string, RoundingMethod> methods)
    {
        if (!methods.Values.Any(method => method.UsesStatistics))
        {
            return null;
        }

        bool UsesGram(string name) => methods.TryGetValue(TensorGroups.StoredName(name), out RoundingMethod? method) && method.UsesGram;
        string[] grams = [.. space.Groups.SelectMany(group => group.Tensors).Where(tensor => UsesGram(tensor.Name)).Select(tensor => tensor.Name)];
        long gramBytes = space.Groups.SelectMany(group => group.Tensors).Where(tensor => UsesGram(tensor.Name)).Sum(tensor => sizeof(double) * (long)tensor.Columns * tensor.Columns * tensor.Matrices);
        string key = $"{Key(windows.Calibration)} Gram {string.Join(' ', grams)}";
        bool collected = false;
        ActivationStatistics statistics = ActivationStatistics.Collect(
            Config,
            Weights,
            _backend,
            windows.Calibration,
            new CalibrationOptions { Gram = UsesGram, StatePath = gramBytes <= MostCachedGram ? CachePath("calibration", key, "bin") : null, StateIsCache = true, ModelIdentity = key },
            new Told<double>(share =>
            {
                collected = true;
                Tell(share, "");
            }),
            _cancellation);
        if (!collected)
        {
            Tell(1, OptimizationProgress.FromCache);
        }

        return statistics;
    }

    HeldOutText HeldOut(ChoiceSpace space, CalibrationWindows windows)
    {
        string key = $"{Key(windows.HeldOut)} {RoundingKey(windows)}";
        HeldOutText text = new(
            new QualityCache(CachePath("candidates", key, "json"), key),
            () => new QualityMeter(_model.Config, _model.Weights, _backend, windows.HeldOut, space.SourceKv, progress: Share(), cancellation: _cancellation),
            Config,
            _backend);
        if (text.IsKnown)
        {
            Tell(1, OptimizationProgress.FromCache);
        }

        _ = text.Original;
        return text;
    }

    /// <summary>What numbers measured on windows depend on.</summary>
    string Key(TokenWindows windows) => $"{_model.Weights.Identity} {(Recipe.Prune.IsEmpty ? "" : Recipe.Prune)} windows {windows.Identity:x16} {_backend.Name} {_backend.Description} build {typeof(OptimizationRun).Module.ModuleVersionId:n}";

    /// <summary>What rounded weights depend on, formats apart.</summary>
    string RoundingKey(CalibrationWindows windows) =>
        $"calibration {windows.Calibration.Identity:x16} method {Recipe.Method} {string.Join(' ', Recipe.Rules.Where(rule => rule.Method is not null).Select(rule => $"{rule.Tensors}={rule.Method}"))} {Recipe.Seed}";

    string? CachePath(string room, string key, string ending) =>
        _options.CacheFolder is { } folder ? Path.Combine(folder, room, $"{ContentSum.Of(Encoding.UTF8.GetBytes(key)):x16}.{ending}") : null;

    CandidateBuilder Builder(ChoiceSpace space, ActivationStatistics? statistics, Dictionary<string, RoundingMethod> methods)
    {
        if (!Methods.Rewrites(Recipe.Method) || statistics is null)
        {
            return new CandidateBuilder(Weights, space, statistics, name => methods[name]);
        }

        TensorFormat aim = FormatRule.Fits(TensorFormat.Q4_K, Config.Hidden) ? TensorFormat.Q4_K : TensorFormat.Q4_0;
        TransformedWeights rewritten = Recipe.Method == Methods.SmoothQuant
            ? WeightTransforms.SmoothQuant(Config, Weights, statistics, progress: Share(), cancellation: _cancellation)
            : WeightTransforms.Awq(Config, Weights, statistics, new AwqOptions(aim) { Rounding = Methods.Of(Methods.Awq) }, Share(), _cancellation);
        return new CandidateBuilder(rewritten.Weights, space, statistics, name => methods[name]) { Adapt = rewritten.Adapt };
    }

    CalibrationWindows Windows() => _options.Windows is { } given
        ? CalibrationWindows.Of(given, Recipe.Calibration)
        : CalibrationWindows.Of(
            _options.Data ?? CalibrationData.For(_model),
            _model.Tokenizer ?? throw new NotSupportedException($"{_model.Path} has no tokenizer, so no text can be read with it: put tokenizer.json or tokenizer.model beside the weights."),
            _model.ChatTemplates.Default is { } template ? ChatTemplate.Parse(template) : null,
            Recipe.Calibration,
            Config.ContextLength);

    SensitivityTable Sensitivities(ChoiceSpace space, CandidateBuilder builder, CalibrationWindows windows)
    {
        Enter(OptimizationStage.Sensitivity);
        string key = $"{Key(windows.Sensitivity)} {RoundingKey(windows)}";
        string? path = CachePath("sensitivity", key, "json");
        QualityMeter? meter = null;
        SensitivityScan scan = new(
            builder,
            (candidate, kv, cancellation) =>
            {
                meter ??= new QualityMeter(Config, Weights, _backend, windows.Sensitivity, space.SourceKv, cancellation: cancellation);
                return meter.Measure(candidate, _backend, kv, progress: null, cancellation).MeanKl;
            },
            new SensitivityCache(path, key, _time),
            _time)
        {
            TokenCounts = Counts(windows.Calibration),
        };
        try
        {
            SensitivityTable table = scan.Run(Recipe.Sensitivity, _options.SensitivityBudget, new Told<(double Share, string What)>(told => Tell(told.Share, told.What)), _cancellation);
            if (table.Measurements == 0)
            {
                Tell(1, OptimizationProgress.FromCache);
            }

            return _pruned is null ? table : WithHarm(table, space, windows);
        }
        finally
        {
            meter?.Dispose();
        }
    }

    /// <summary>What was taken out loses something whatever is rounded; it stands with keys and values, of which there is one choice always.</summary>
    SensitivityTable WithHarm(SensitivityTable table, ChoiceSpace space, CalibrationWindows windows)
    {
        using QualityMeter original = new(_model.Config, _model.Weights, _backend, windows.Sensitivity, space.SourceKv, cancellation: _cancellation);
        double harm = original.Measure(Config, Weights, _backend, space.SourceKv, progress: null, _cancellation).MeanKl;
        return table with { Kv = [.. table.Kv.Select(loss => loss with { Loss = loss.Loss + harm })] };
    }

    int[] Counts(TokenWindows windows)
    {
        int[] counts = new int[Config.Vocab];
        foreach (ImmutableArray<int> window in windows.Windows)
        {
            foreach (int id in window)
            {
                counts[id]++;
            }
        }

        return counts;
    }

    ModelCosts Costs(ChoiceSpace space)
    {
        Enter(OptimizationStage.Costs);
        return Recipe.Wish.NeedsTimes
            ? ModelCosts.Measure(Config, Weights, _backend, space, Recipe.Wish.ContextTokens, $"{_options.Machine}, {_backend.Description}", new TimeCache(_options.CacheFolder is { } folder ? Path.Combine(folder, "kernel-times.json") : null), Share(), _cancellation)
            : ModelCosts.Bytes(Config, Weights, space, Recipe.Wish.ContextTokens);
    }

    PromiseResult Searched(FormatSearch search, CandidateBuilder builder, HeldOutText heldOut)
    {
        int rounds = 0;
        PromiseKeeper keeper = new(search, (assignment, cancellation) =>
        {
            Tell((double)rounds / (PromiseKeeper.MostRounds + 3), $"candidate {++rounds}");
            return Measured(assignment, builder, heldOut, cancellation);
        })
        {
            Rivals = [.. search.Uniform().Select(uniform => ($"{uniform.Format} everywhere", uniform.Assignment)), .. search.Mixes(Config)],
        };
        return keeper.Run(Recipe.Wish, _cancellation);
    }

    MeasuredCandidate Measured(Assignment assignment, CandidateBuilder builder, HeldOutText heldOut, CancellationToken cancellation)
    {
        Lazy<WeightOverlay> candidate = new(() => builder.Build(assignment, cancellation));
        KernelTime? before = Time();
        Quality quality = heldOut.Measure(builder, assignment, () => candidate.Value, cancellation);

        // At two moments, of which the slower counts: what a machine does at one says little about the next.
        return new MeasuredCandidate(quality, before is { } first ? KernelTime.Slower(first, Time()!.Value) : null);

        KernelTime? Time() => Recipe.Wish.NeedsTimes ? ModelCosts.Whole(Config, candidate.Value, _backend, Recipe.Wish.ContextTokens, assignment.KvFormat, cancellation) : null;
    }

    /// <summary>A recipe that leaves nothing open is followed, and its wish, if it has one, only checked.</summary>
    PromiseResult Given(Assignment assignment, ModelCosts costs, ChoiceSpace space, CandidateBuilder builder, HeldOutText heldOut)
    {
        ChoiceCost cost = costs.Fixed + costs.Kv[0] + costs.Groups.Aggregate(default(ChoiceCost), (sum, group) => sum + group[0]);
        MeasuredCandidate measured = Measured(assignment, builder, heldOut, _cancellation);
        Debug.Assert(space.KvChoices.Length == 1);
        Wish wish = Recipe.Wish;
        PromiseRound round = new(new SearchAnswer(assignment, double.NaN, cost, double.NaN), measured, Kept: false, "given");
        ImmutableArray<NearestReach> broken =
        [
            .. Shortfall.Measures.Where(goal => round.Use(wish, goal) > 1)
                .Select(goal => new NearestReach(goal, wish.LimitOf(goal)!.Value, wish.LimitOf(goal)!.Value * round.Use(wish, goal), true, Measured: true)),
        ];
        round = round with { Kept = broken.IsEmpty };
        return new PromiseResult(round, round.Kept, [round], broken);
    }

    (KernelTime? Before, KernelTime? After) Speeds(PromiseResult promise, WeightOverlay? result, ChoiceSpace space)
    {
        if (!_options.MeasureSpeed || result is null)
        {
            return (null, null);
        }

        Enter(OptimizationStage.Measuring);
        TensorFormat usual = FormatRule.KvChoicesOf(Config.HeadDim).Contains(TensorFormat.BF16) ? TensorFormat.BF16 : space.SourceKv;
        KernelTime before = ModelCosts.Whole(_model.Config, _model.Weights, _backend, Recipe.Wish.ContextTokens, usual, _cancellation);
        Tell(0.5, "");
        return (before, ModelCosts.Whole(Config, result, _backend, Recipe.Wish.ContextTokens, promise.Best!.Answer.Assignment.KvFormat, _cancellation));
    }

    void Enter(OptimizationStage stage)
    {
        _cancellation.ThrowIfCancellationRequested();
        Leave();
        _stage = stage;
        Tell(0, "");
    }

    void Leave()
    {
        TimeSpan spent = _time.GetElapsedTime(_since);
        _since = _time.GetTimestamp();
        if (spent > TimeSpan.FromMilliseconds(1) || _stages.Count > 0)
        {
            _stages.Add(new StageDuration(_stage, spent));
        }
    }

    IProgress<double> Share() => new Told<double>(share => Tell(share, ""));

    void Tell(double fraction, string detail) => _progress?.Report(new OptimizationProgress(_stage, fraction, detail));

    /// <summary>Tells at once, in the thread that works.</summary>
    sealed class Told<T>(Action<T> tell) : IProgress<T>
    {
        public void Report(T value) => tell(value);
    }
}
