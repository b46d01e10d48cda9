using System.Collections.Immutable;
using System.Globalization;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Quantization;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>
/// Tries the ways to prune a model, measures what they cost where that is affordable, and says which are worth it. Nothing is
/// recovered by training here: the harm is that of the first moment, and the more of it, the more training it takes to undo.
/// </summary>
public sealed class PruningAdvisor
{
    // Below the first, the loss hides in the noise of sampling; above the last, a smaller model of the family is the better one.
    const double Slight = 0.01;
    const double Bearable = 0.05;
    const double Recoverable = 0.5;

    readonly ModelConfig _config;
    readonly IWeights _weights;
    readonly IBackend _backend;
    readonly TokenWindows _calibration;
    readonly TokenWindows _held;
    readonly MachineLimits _machine;
    readonly ModelTimes _now;
    readonly UnitImportance _importance;

    /// <summary>Prepares.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="calibration">The text that units are chosen on.</param>
    /// <param name="held">The text that harm is measured on.</param>
    /// <param name="machine">The machine that times are estimated for.</param>
    public PruningAdvisor(ModelConfig config, IWeights weights, IBackend backend, TokenWindows calibration, TokenWindows held, MachineLimits machine)
    {
        (_config, _weights, _backend, _calibration, _held, _machine) = (config, weights, backend, calibration, held, machine);
        _now = ModelTimes.Of(config, weights, machine);
        _importance = new UnitImportance(config, weights, backend, calibration);
    }

    /// <summary>The advice.</summary>
    /// <param name="measure">Whether harm is measured by running the pruned models over the held-out text; otherwise it is predicted, and marked so.</param>
    /// <param name="method">How units are chosen.</param>
    /// <param name="progress">Told what is tried, and the share that is done.</param>
    /// <param name="cancellation">Breaks off between two ways.</param>
    public PruningAdvice Advise(bool measure, ImportanceMethod method = ImportanceMethod.Sensitivity, IProgress<(string What, double Share)>? progress = null, CancellationToken cancellation = default)
    {
        (string Name, string? Command, Func<PrunedModel> Make)[] ways = [.. Ways(method)];
        using QualityMeter? meter = measure ? new QualityMeter(_config, _weights, _backend, _held, TensorFormat.F32, progress: null, cancellation: cancellation) : null;
        List<PruningOption> options = [];
        for (int i = 0; i < ways.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report((ways[i].Name, i / (double)(ways.Length + 1)));
            PrunedModel pruned = ways[i].Make();
            ModelTimes after = ModelTimes.Of(pruned.Config, pruned.Weights, _machine);
            if (meter is null)
            {
                double predicted = _importance.Of(ImportanceMethod.Sensitivity, pruned.Removed, cancellation: cancellation).Sum();
                options.Add(new(ways[i].Name, ways[i].Command, _now, after, predicted, false, null, Verdict(predicted, after)));
                continue;
            }

            Quality quality = meter.Measure(pruned.Config, pruned.Weights, _backend, TensorFormat.F32, null, cancellation);
            options.Add(new(ways[i].Name, ways[i].Command, _now, after, quality.MeanKl, true, (meter.Original.Perplexity, quality.Perplexity), Verdict(quality.MeanKl, after)));
        }

        if (meter is not null)
        {
            progress?.Report(("zeros without a change of shape", ways.Length / (double)(ways.Length + 1)));
            options.AddRange(Rounded(meter, cancellation));
            options.AddRange(Sparse(meter, cancellation));
            options.AddRange(Dynamic(meter, cancellation));
        }

        return new PruningAdvice([.. options.OrderBy(option => option.Harm)], [.. Notes(measure)]);
    }

    IEnumerable<(string Name, string? Command, Func<PrunedModel> Make)> Ways(ImportanceMethod method)
    {
        Func<PrunableUnit, double> by = Importance(method);
        int[] order = [.. Enumerable.Range(0, _config.Layers).OrderBy(layer => by(new(UnitKind.Layer, layer, 0)))];
        foreach (int count in new[] { 1, Math.Max(1, _config.Layers / 8), Math.Max(1, _config.Layers / 4) }.Distinct().Where(count => count < _config.Layers))
        {
            yield return ($"{count} of {_config.Layers} layers", $"--layers {count}", () => StructuredPruning.WithoutLayers(_config, _weights, order[..count]));
        }

        if (_config.Experts is null || _config.Experts.DenseLayers > 0)
        {
            int last = _config.Inner;
            foreach (double share in new[] { 0.125, 0.25, 0.5 })
            {
                int kept = StructuredPruning.ChannelsToKeep(_config, _weights, (int)Math.Round((1 - share) * _config.Inner));
                if (kept < last && Fits(() => StructuredPruning.WithChannels(_config, _weights, by, kept)))
                {
                    last = kept;
                    yield return ($"{_config.Inner - kept} of {_config.Inner} channels", string.Create(CultureInfo.InvariantCulture, $"--ffn {share:0.#%}"), () => StructuredPruning.WithChannels(_config, _weights, by, kept));
                }
            }
        }

        if (_config.KvHeads > 1)
        {
            int kept = _config.KvHeads - Math.Max(1, _config.KvHeads / 4);
            if (Fits(() => StructuredPruning.WithKvGroups(_config, _weights, by, kept)))
            {
                yield return ($"{_config.KvHeads - kept} of {_config.KvHeads} key and value heads with their query heads", $"--groups {_config.KvHeads - kept}", () => StructuredPruning.WithKvGroups(_config, _weights, by, kept));
            }
        }

        if (_config.Experts is { } experts && experts.Count - (experts.Count / 4) >= experts.Used)
        {
            int gone = Math.Max(1, experts.Count / 4);
            yield return ($"{gone} of {experts.Count} experts", $"--experts {gone}", () => StructuredPruning.WithExperts(_config, _weights, by, experts.Count - gone));
        }
    }

    /// <summary>Importance of units, found for all of a kind at once when the first is asked for.</summary>
    Func<PrunableUnit, double> Importance(ImportanceMethod method)
    {
        Dictionary<UnitKind, Dictionary<PrunableUnit, double>> known = [];
        return unit =>
        {
            if (!known.TryGetValue(unit.Kind, out Dictionary<PrunableUnit, double>? values))
            {
                PrunableUnit[] units = [.. PrunableUnit.Of(_config, unit.Kind)];

                // Silencing every channel alone would take as many runs as there are channels.
                ImportanceMethod own = unit.Kind == UnitKind.Channel && method is ImportanceMethod.Ablation or ImportanceMethod.RandomMasks ? ImportanceMethod.Activation : method;
                double[] importance = _importance.Of(own, units);
                values = units.Zip(importance).ToDictionary(pair => pair.First, pair => pair.Second);
                known.Add(unit.Kind, values);
            }

            return values[unit];
        };
    }

    /// <summary>What fewer bits would do instead, rounded to the nearest value and nothing cleverer: the yardstick for all pruning.</summary>
    IEnumerable<PruningOption> Rounded(QualityMeter meter, CancellationToken cancellation)
    {
        foreach (TensorFormat format in new[] { TensorFormat.Q8_0, TensorFormat.Q4_K })
        {
            cancellation.ThrowIfCancellationRequested();
            WeightOverlay overlay = new(_weights);
            foreach (string name in SparseModel.MatricesOf(_config, _weights))
            {
                Tensor matrix = _weights.Get(name);
                if (BitsOf(matrix.Format) > BitsOf(format))
                {
                    overlay.Replace(name, new Nearest().Round(matrix, format, null));
                }
            }

            if (overlay.Replaced.Count > 0)
            {
                ModelTimes after = ModelTimes.Of(_config, overlay, _machine);
                Quality quality = meter.Measure(overlay, _backend, TensorFormat.F32, null, cancellation);
                yield return new PruningOption(
                    $"for comparison: nothing taken out, matrices rounded to {format} where it fits", null, _now, after, quality.MeanKl, true, (meter.Original.Perplexity, quality.Perplexity),
                    "Fewer bits instead of fewer weights, by plain rounding to the nearest value.");
            }
        }
    }

    static double BitsOf(TensorFormat format) => 8.0 * BlockFormat.Of(format).BlockBytes / BlockFormat.Of(format).BlockElements;

    IEnumerable<PruningOption> Sparse(QualityMeter meter, CancellationToken cancellation)
    {
        ActivationStatistics statistics = ActivationStatistics.Collect(_config, _weights, _backend, _calibration, new CalibrationOptions(), null, cancellation);
        foreach (Sparsity sparsity in new[] { new Sparsity(0.5), Sparsity.TwoOfFour })
        {
            cancellation.ThrowIfCancellationRequested();
            if (!TryPruned(sparsity, statistics, out WeightOverlay? sparse))
            {
                yield break;
            }

            Quality quality = meter.Measure(sparse, _backend, TensorFormat.F32, null, cancellation);
            yield return new PruningOption(
                $"{sparsity} zeros (Wanda)", $"--sparsity {sparsity}", _now, _now, quality.MeanKl, true, (meter.Original.Perplexity, quality.Perplexity),
                sparsity.Group > 0
                    ? "Not for this engine: zeros are stored and multiplied like any weight. It is for GPUs that skip two of four."
                    : "Not for this engine: zeros are stored and multiplied like any weight, so nothing gets smaller or faster.");
        }
    }

    bool TryPruned(Sparsity sparsity, ActivationStatistics statistics, out WeightOverlay sparse)
    {
        sparse = new WeightOverlay(_weights);
        try
        {
            SparseModel.Apply(_config, sparse, sparsity, SparseMethod.Wanda, statistics);
            return true;
        }
        catch (NotSupportedException)
        {
            return false; // Nobody can round to the model's format; zeros belong before quantising.
        }
    }

    IEnumerable<PruningOption> Dynamic(QualityMeter meter, CancellationToken cancellation)
    {
        if (_config.Experts is { DenseLayers: 0 })
        {
            yield break;
        }

        using AblationMeter ablation = new(_config, _weights, _backend, _calibration);
        DynamicSparsity dynamic = DynamicSparsity.Measure(_config, _weights, _backend, _calibration, ablation, 0.5, cancellation);
        string found = string.Create(CultureInfo.InvariantCulture, $"{dynamic.Silent:0%} of the channels fall silent, but only {dynamic.SilentRuns:0.0%} of the runs of {DynamicSparsity.Run} that are read together, so {dynamic.Saved:0.0%} of a token's bytes need not be read");
        yield return new PruningOption(
            "half of the channels skipped by activation, token by token", null, _now, _now with { DecodeSeconds = _now.DecodeSeconds * (1 - dynamic.Saved) }, dynamic.Harm, true, null,
            dynamic.Gains ? $"{found}: worth an experiment." : $"Not worth it: {found}.");
    }

    static bool Fits(Func<PrunedModel> make)
    {
        try
        {
            make();
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }

    string Verdict(double harm, ModelTimes after)
    {
        double faster = _now.DecodeSeconds / after.DecodeSeconds;
        string gain = string.Create(CultureInfo.InvariantCulture, $"{1 - ((double)after.WeightBytes / _now.WeightBytes):0%} fewer bytes, ×{faster:0.00}");
        return harm switch
        {
            < Slight => $"Worth it as it is: {gain} for a loss that sampling hides.",
            < Bearable => $"Worth it where every byte counts: {gain}; a short recovery training would make up for it.",
            < Recoverable => $"Only with recovery training afterwards: {gain}, but the answers change.",
            _ => $"Not without training most of it anew: {gain} is not worth it. Fewer bits for each weight come first.",
        };
    }

    static IEnumerable<string> Notes(bool measured)
    {
        yield return measured
            ? "Harm was measured before any recovery training, on text that nothing was chosen on."
            : "Harm is predicted: what the lost units contribute, times what the output minds at their place. Several units lost at once may cost more than the sum.";
        yield return "Times are what the machine needs at least for the bytes and operations that are left; a real run takes longer by the same share, or a little less.";
        if (measured)
        {
            yield return "Compare with the lines for fewer bits before taking anything out: what saves as many bytes for less harm comes first.";
        }
    }
}
