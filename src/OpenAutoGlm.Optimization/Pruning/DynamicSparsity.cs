using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>
/// What it would be worth to leave out, token by token, the channels of the feed-forward network whose activation is small. A
/// channel can be skipped after gate and up have been computed, so only the down projection gets cheaper; and its weights are
/// read in runs of 32 channels, so only runs that are silent as a whole need not be read.
/// </summary>
/// <param name="Target">The share of channels that was to be silent.</param>
/// <param name="Thresholds">|SiLU(gate) · up| below which a channel is silent, for each layer; 0 where a layer has experts.</param>
/// <param name="Silent">The share that was silent on other text.</param>
/// <param name="SilentRuns">The share of runs of 32 neighbouring channels that were silent as a whole.</param>
/// <param name="Harm">Mean KL against the model as it is, nats a token.</param>
/// <param name="Saved">The share of a decoded token's bytes that need not be read: silent runs of the down projections.</param>
public sealed record DynamicSparsity(double Target, ImmutableArray<float> Thresholds, double Silent, double SilentRuns, double Harm, double Saved)
{
    /// <summary>Channels whose weights are read together.</summary>
    public const int Run = 32;

    // The test of every run and the gaps in the stream of reads cost more than a few per cent can give back.
    const double WorthWhile = 0.05;

    /// <summary>Whether it could gain time on this backend.</summary>
    public bool Gains => Saved >= WorthWhile;

    /// <summary>Chooses thresholds on one text and measures on another.</summary>
    /// <param name="config">A model with dense feed-forward networks in some layers.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="calibration">The text that thresholds are chosen on.</param>
    /// <param name="held">The text that the rest is measured on.</param>
    /// <param name="target">The share of channels to silence, 0 to 1.</param>
    /// <param name="cancellation">Breaks off between two windows.</param>
    public static DynamicSparsity Measure(
        ModelConfig config, IWeights weights, IBackend backend, TokenWindows calibration, AblationMeter held, double target, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(calibration);
        ArgumentNullException.ThrowIfNull(held);
        Dictionary<string, int> layers = Enumerable.Range(0, config.Layers).ToDictionary(UnitPlaces.Channels, layer => layer, StringComparer.Ordinal);
        float[] thresholds = Quantiles(config, weights, backend, calibration, layers, target, cancellation);
        long silent = 0, all = 0, silentRuns = 0, runs = 0;
        double harm = held.Measure((_, step, execution) =>
        {
            if (!layers.TryGetValue(step.Node.Outputs[0].Name, out int layer))
            {
                return;
            }

            TensorView view = execution[step.Node.Outputs[0]];
            for (int t = 0; t < view.RowCount; t++)
            {
                Span<float> row = view.Row(t);
                for (int start = 0; start < row.Length; start += Run)
                {
                    Span<float> run = row[start..Math.Min(row.Length, start + Run)];
                    int small = 0;
                    foreach (ref float value in run)
                    {
                        if (MathF.Abs(value) < thresholds[layer])
                        {
                            value = 0;
                            small++;
                        }
                    }

                    silent += small;
                    all += run.Length;
                    silentRuns += small == run.Length ? 1 : 0;
                    runs++;
                }
            }
        });
        ModelGraph graph = Architecture.Build(config, weights, new GraphOptions());
        double down = graph.OfKind(ValueKind.Weight).Where(value => value.Name.EndsWith(".ffn_down.weight", StringComparison.Ordinal)).Sum(value => (double)value.Constant!.Bytes);
        double runShare = silentRuns / (double)Math.Max(1, runs);
        return new DynamicSparsity(target, [.. thresholds], silent / (double)Math.Max(1, all), runShare, harm, runShare * down / GraphCost.Of(graph).BytesPerToken);
    }

    static float[] Quantiles(
        ModelConfig config, IWeights weights, IBackend backend, TokenWindows windows, Dictionary<string, int> layers, double target, CancellationToken cancellation)
    {
        List<float>[] sizes = [.. Enumerable.Range(0, config.Layers).Select(_ => new List<float>())];
        using ModelProbe probe = new(config, weights, backend, new ProbeOptions(windows.WindowTokens, TensorFormat.F32, Plain: true));
        foreach (ImmutableArray<int> window in windows.Windows)
        {
            cancellation.ThrowIfCancellationRequested();
            probe.Run(window.AsSpan(), (step, execution) =>
            {
                if (layers.TryGetValue(step.Node.Outputs[0].Name, out int layer))
                {
                    foreach (float value in execution[step.Node.Outputs[0]].Floats)
                    {
                        sizes[layer].Add(MathF.Abs(value));
                    }
                }
            });
        }

        return [.. sizes.Select(list =>
        {
            list.Sort();
            return list.Count == 0 ? 0 : list[Math.Clamp((int)(target * list.Count), 0, list.Count - 1)];
        })];
    }
}
