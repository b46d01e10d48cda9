using System.Collections.Immutable;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Pruning;

namespace OpenAutoGlm.Cli.Prune;

/// <summary>What is to be taken out of a model. Whole layers go first, zeros come last.</summary>
sealed record PruneJob
{
    static readonly Dictionary<string, ImportanceMethod> Methods = new(StringComparer.OrdinalIgnoreCase)
    {
        ["magnitude"] = ImportanceMethod.Magnitude,
        ["activation"] = ImportanceMethod.Activation,
        ["influence"] = ImportanceMethod.BlockInfluence,
        ["sensitivity"] = ImportanceMethod.Sensitivity,
        ["masks"] = ImportanceMethod.RandomMasks,
        ["ablation"] = ImportanceMethod.Ablation,
    };

    static readonly Dictionary<string, SparseMethod> ForZeros = new(StringComparer.OrdinalIgnoreCase)
    {
        ["magnitude"] = SparseMethod.Magnitude,
        ["wanda"] = SparseMethod.Wanda,
        ["sparsegpt"] = SparseMethod.SparseGpt,
    };

    /// <summary>Names of the ways to choose units.</summary>
    public static IEnumerable<string> UnitMethods => Methods.Keys;

    /// <summary>Names of the ways to choose weights that become zero.</summary>
    public static IEnumerable<string> SparseMethods => ForZeros.Keys;

    public ImportanceMethod Method { get; init; } = ImportanceMethod.Sensitivity;

    public SparseMethod Zeros { get; init; } = SparseMethod.Wanda;

    public int Layers { get; init; }

    public double FfnShare { get; init; }

    public int Groups { get; init; }

    public int Heads { get; init; }

    public int Experts { get; init; }

    public Sparsity? Sparsity { get; init; }

    public bool IsEmpty => Layers + Groups + Heads + Experts == 0 && FfnShare == 0 && Sparsity is null;

    /// <summary>An empty job that chooses so.</summary>
    /// <exception cref="CommandFailedException">There is no such method.</exception>
    public static PruneJob Of(string? method)
    {
        if (method is null)
        {
            return new PruneJob();
        }

        bool ofUnits = Methods.TryGetValue(method, out ImportanceMethod units);
        bool ofZeros = ForZeros.TryGetValue(method, out SparseMethod zeros);
        return ofUnits || ofZeros
            ? new PruneJob { Method = ofUnits ? units : ImportanceMethod.Sensitivity, Zeros = ofZeros ? zeros : SparseMethod.Wanda }
            : throw CommandFailedException.Usage($"--method is '{method}'; known are {string.Join(", ", Methods.Keys.Union(ForZeros.Keys))}.");
    }

    /// <summary>Takes everything out and measures what that cost.</summary>
    public PruneOutcome Run(ModelPackage model, IBackend backend, TokenWindows calibration, TokenWindows held, MachineLimits machine, StatusLine status, CancellationToken cancellation)
    {
        ModelConfig config = model.Config;
        IWeights weights = model.Weights;
        List<PrunableUnit> removed = [];
        foreach ((UnitKind kind, string what, Func<ModelConfig, IWeights, Func<PrunableUnit, double>, PrunedModel> cut) in Cuts())
        {
            status.Say($"choosing {what}");
            PrunedModel pruned = cut(config, weights, Importance(kind, config, weights, backend, calibration, new ProgressLine(status, $"choosing {what}"), cancellation));
            (config, weights) = (pruned.Config, pruned.Weights);
            removed.AddRange(pruned.Removed);
        }

        double? zeros = null;
        if (Sparsity is { } sparsity)
        {
            status.Say("looking at activations");
            ActivationStatistics? statistics = Zeros == SparseMethod.Magnitude
                ? null
                : ActivationStatistics.Collect(config, weights, backend, calibration, new CalibrationOptions { Gram = Zeros == SparseMethod.SparseGpt ? _ => true : null }, null, cancellation);
            WeightOverlay overlay = new(weights);
            IReadOnlyDictionary<string, SparseMatrix> matrices = SparseModel.Apply(config, overlay, sparsity, Zeros, statistics, new ProgressLine(status, "setting weights to zero"), cancellation);
            zeros = matrices.Values.Sum(matrix => matrix.Zeros * matrix.Weight.Shape.ElementCount) / matrices.Values.Sum(matrix => (double)matrix.Weight.Shape.ElementCount);
            weights = overlay;
        }

        status.Say("measuring what that cost");
        using QualityMeter meter = new(model.Config, model.Weights, backend, held, TensorFormat.F32, progress: new ProgressLine(status, "measuring the original"), cancellation: cancellation);
        Quality quality = meter.Measure(config, weights, backend, TensorFormat.F32, new ProgressLine(status, "measuring the pruned model"), cancellation);
        return new PruneOutcome(config, weights, [.. removed], zeros, ModelTimes.Of(model.Config, model.Weights, machine), ModelTimes.Of(config, weights, machine), meter.Original, quality);
    }

    IEnumerable<(UnitKind Kind, string What, Func<ModelConfig, IWeights, Func<PrunableUnit, double>, PrunedModel> Cut)> Cuts()
    {
        if (Layers > 0)
        {
            yield return (UnitKind.Layer, "layers", (config, weights, importance) => StructuredPruning.WithoutLayers(
                config, weights, [.. Enumerable.Range(0, config.Layers).OrderBy(layer => importance(new(UnitKind.Layer, layer, 0))).Take(Layers)]));
        }

        if (Groups > 0)
        {
            yield return (UnitKind.KvGroup, "key and value heads", (config, weights, importance) => StructuredPruning.WithKvGroups(config, weights, importance, config.KvHeads - Groups));
        }

        if (Heads > 0)
        {
            yield return (UnitKind.Head, "heads", (config, weights, importance) => StructuredPruning.WithHeads(config, weights, importance, config.Heads - Heads));
        }

        if (FfnShare > 0)
        {
            yield return (UnitKind.Channel, "channels", (config, weights, importance) => StructuredPruning.WithChannels(
                config, weights, importance, StructuredPruning.ChannelsToKeep(config, weights, (int)Math.Round((1 - FfnShare) * config.Inner))));
        }

        if (Experts > 0)
        {
            yield return (UnitKind.Expert, "experts", (config, weights, importance) => StructuredPruning.WithExperts(config, weights, importance, (config.Experts?.Count ?? 0) - Experts));
        }
    }

    Func<PrunableUnit, double> Importance(UnitKind kind, ModelConfig config, IWeights weights, IBackend backend, TokenWindows calibration, IProgress<double> progress, CancellationToken cancellation)
    {
        PrunableUnit[] units = [.. PrunableUnit.Of(config, kind)];
        ImportanceMethod method = kind == UnitKind.Channel && Method is ImportanceMethod.Ablation or ImportanceMethod.RandomMasks ? ImportanceMethod.Activation : Method;
        double[] values = new UnitImportance(config, weights, backend, calibration).Of(method, units, progress, cancellation);
        Dictionary<PrunableUnit, double> known = units.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second);
        return unit => known[unit];
    }
}

/// <summary>What became of a model.</summary>
/// <param name="Config">What it is now.</param>
/// <param name="Weights">Its weights.</param>
/// <param name="Removed">What is gone.</param>
/// <param name="Zeros">The share of the layers' weights that is zero; null where none were set.</param>
/// <param name="Before">What the original takes.</param>
/// <param name="After">What it takes.</param>
/// <param name="Original">The original on held-out text.</param>
/// <param name="Quality">The pruned model on it.</param>
sealed record PruneOutcome(
    ModelConfig Config, IWeights Weights, ImmutableArray<PrunableUnit> Removed, double? Zeros, ModelTimes Before, ModelTimes After, Quality Original, Quality Quality);
