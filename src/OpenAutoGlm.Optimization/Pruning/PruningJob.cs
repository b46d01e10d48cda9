using OpenAutoGlm.Graph;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>What is to be taken out of a model, and how it is chosen. Whole layers go first, zeros come last; importance is found anew for what is left.</summary>
public sealed record PruningJob
{
    /// <summary>Layers that go.</summary>
    public int Layers { get; init; }

    /// <summary>Key and value heads that every layer loses, with their query heads.</summary>
    public int KvHeads { get; init; }

    /// <summary>Query heads that every layer loses.</summary>
    public int Heads { get; init; }

    /// <summary>The share of the feed-forward channels that every layer loses; what is left is rounded down to whole blocks.</summary>
    public double FfnShare { get; init; }

    /// <summary>Experts that every layer loses.</summary>
    public int Experts { get; init; }

    /// <summary>Weights that become zero; null for none.</summary>
    public Sparsity? Sparsity { get; init; }

    /// <summary>How units are chosen. Channels are too many to be silenced one by one, and are then chosen by activation.</summary>
    public ImportanceMethod Method { get; init; } = ImportanceMethod.Sensitivity;

    /// <summary>How weights that become zero are chosen.</summary>
    public SparseMethod Zeros { get; init; } = SparseMethod.Wanda;

    /// <summary>Whether nothing is taken out.</summary>
    public bool IsEmpty => Layers + KvHeads + Heads + Experts == 0 && FfnShare == 0 && Sparsity is null;

    /// <summary>Checks the numbers, as far as that needs no model.</summary>
    /// <exception cref="ArgumentException">A number is below 0, or the share takes everything; the message names it.</exception>
    public void Check()
    {
        foreach ((string what, int count) in new[] { ("layers", Layers), ("key and value heads", KvHeads), ("heads", Heads), ("experts", Experts) })
        {
            if (count < 0)
            {
                throw new ArgumentException($"{count} {what} cannot be taken out: give a number of at least 0.");
            }
        }

        if (!(FfnShare is >= 0 and < 1))
        {
            throw new ArgumentException($"A share of {FfnShare} of the feed-forward channels cannot be taken out: give one of at least 0 and below 1.");
        }
    }

    /// <summary>Takes everything out.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights; what is not touched stays theirs.</param>
    /// <param name="backend">What computes importance.</param>
    /// <param name="windows">The text that importance is found on.</param>
    /// <param name="progress">Told what is being done, and the share of it that is done.</param>
    /// <param name="cancellation">Breaks off.</param>
    /// <exception cref="ArgumentException">The model has no such units, or not enough of them.</exception>
    public PrunedModel Apply(
        ModelConfig config, IWeights weights, IBackend backend, TokenWindows windows, IProgress<(string What, double Share)>? progress = null, CancellationToken cancellation = default)
    {
        Check();
        List<PrunableUnit> removed = [];
        foreach ((UnitKind kind, string what, Cut cut) in Cuts())
        {
            PrunableUnit[] units = [.. PrunableUnit.Of(config, kind)];
            ImportanceMethod method = kind == UnitKind.Channel && Method is ImportanceMethod.Ablation or ImportanceMethod.RandomMasks ? ImportanceMethod.Activation : Method;
            double[] values = new UnitImportance(config, weights, backend, windows).Of(method, units, Share($"choosing {what}"), cancellation);
            Dictionary<PrunableUnit, double> known = units.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second);
            PrunedModel pruned = cut(config, weights, unit => known[unit]);
            (config, weights) = (pruned.Config, pruned.Weights);
            removed.AddRange(pruned.Removed);
        }

        if (Sparsity is not { } sparsity)
        {
            return new PrunedModel(config, weights, [.. removed]);
        }

        ActivationStatistics? statistics = Zeros == SparseMethod.Magnitude
            ? null
            : ActivationStatistics.Collect(config, weights, backend, windows, new CalibrationOptions { Gram = Zeros == SparseMethod.SparseGpt ? _ => true : null }, Share("looking at activations"), cancellation);
        WeightOverlay overlay = new(weights);
        IReadOnlyDictionary<string, SparseMatrix> matrices = SparseModel.Apply(config, overlay, sparsity, Zeros, statistics, Share("setting weights to zero"), cancellation);
        double zeros = matrices.Values.Sum(matrix => matrix.Zeros * matrix.Weight.Shape.ElementCount) / matrices.Values.Sum(matrix => (double)matrix.Weight.Shape.ElementCount);
        return new PrunedModel(config, overlay, [.. removed]) { Zeros = zeros };

        IProgress<double>? Share(string what) => progress is null ? null : new Told(share => progress.Report((what, share)));
    }

    IEnumerable<(UnitKind Kind, string What, Cut Cut)> Cuts()
    {
        if (Layers > 0)
        {
            yield return (UnitKind.Layer, "layers", (config, weights, importance) => StructuredPruning.WithoutLayers(
                config, weights, [.. Enumerable.Range(0, config.Layers).OrderBy(layer => importance(new(UnitKind.Layer, layer, 0))).Take(Layers)]));
        }

        if (KvHeads > 0)
        {
            yield return (UnitKind.KvGroup, "key and value heads", (config, weights, importance) => StructuredPruning.WithKvGroups(config, weights, importance, config.KvHeads - KvHeads));
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

    delegate PrunedModel Cut(ModelConfig config, IWeights weights, Func<PrunableUnit, double> importance);

    sealed class Told(Action<double> tell) : IProgress<double>
    {
        public void Report(double value) => tell(value);
    }
}
