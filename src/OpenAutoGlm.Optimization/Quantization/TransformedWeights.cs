using System.Collections.Immutable;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>What was done at one place of a model.</summary>
/// <param name="Where">The weight that gave way, such as a norm's.</param>
/// <param name="Strength">The exponent α that was chosen or given; 0 leaves everything as it was.</param>
/// <param name="ErrorBefore">The rounding error of the outputs without scales, by the statistics; NaN where it was not looked at.</param>
/// <param name="ErrorAfter">The same with the scales that were chosen.</param>
public sealed record TransformStep(string Where, double Strength, double ErrorBefore, double ErrorAfter);

/// <summary>A model with other weights that computes the same, made so that rounding them loses less.</summary>
public sealed class TransformedWeights
{
    readonly Dictionary<string, float[]> _columnScales;

    internal TransformedWeights(
        ModelConfig config, WeightOverlay weights, IEnumerable<TransformStep> steps, IEnumerable<Refusal> refused, Dictionary<string, float[]> columnScales)
    {
        Config = config;
        Weights = weights;
        Steps = [.. steps];
        Refused = [.. refused];
        _columnScales = columnScales;
    }

    /// <summary>The configuration: the model's own, but that an output projection may have come into being (<see cref="ModelConfig.TiedEmbeddings"/>).</summary>
    public ModelConfig Config { get; }

    /// <summary>The weights; those that changed are float32 and not rounded yet.</summary>
    public WeightOverlay Weights { get; }

    /// <summary>What was done, in the order of the model.</summary>
    public ImmutableArray<TransformStep> Steps { get; }

    /// <summary>Where nothing could be done, and why.</summary>
    public ImmutableArray<Refusal> Refused { get; }

    /// <summary>
    /// Statistics of the model as it was, as they are now: columns whose weights were multiplied have smaller activations. Histogram
    /// and experts are left out.
    /// </summary>
    public ColumnStatistics Adapt(string weightName, ColumnStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        if (!_columnScales.TryGetValue(weightName, out float[]? scales))
        {
            return statistics;
        }

        int n = statistics.Columns;
        double[]? gram = statistics.Gram is { } old ? new double[old.Length] : null;
        for (int i = 0; i < gram?.Length; i++)
        {
            gram[i] = statistics.Gram![i] / ((double)scales[i / n] * scales[i % n]);
        }

        return new ColumnStatistics
        {
            Columns = n,
            Rows = statistics.Rows,
            MeanSquare = [.. statistics.MeanSquare.Zip(scales, (value, scale) => value / (scale * scale))],
            MeanAbs = [.. statistics.MeanAbs.Zip(scales, (value, scale) => value / scale)],
            Max = [.. statistics.Max.Zip(scales, (value, scale) => value / scale)],
            Mean = [.. statistics.Mean.Zip(scales, (value, scale) => value / scale)],
            Gram = gram,
        };
    }
}
