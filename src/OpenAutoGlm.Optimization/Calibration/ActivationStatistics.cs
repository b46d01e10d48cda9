using System.Diagnostics.CodeAnalysis;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// Statistics of the activations of a model, by the weight that they are multiplied with ("blk.0.attn_q.weight"). Weights that
/// see the same activations share one object; row slices of a fused weight count under its whole name.
/// </summary>
public sealed class ActivationStatistics
{
    readonly Dictionary<string, ColumnStatistics> _byWeight;

    ActivationStatistics(Dictionary<string, ColumnStatistics> byWeight) => _byWeight = byWeight;

    /// <summary>The weights that there are statistics for.</summary>
    public IReadOnlyCollection<string> Names => _byWeight.Keys;

    /// <summary>Runs windows through a model and gathers what its matrices are multiplied with, without holding it.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="backend">What computes, every node by a kernel of its own.</param>
    /// <param name="windows">What is read; marks count too, since they are multiplied with as well.</param>
    /// <param name="options">What is gathered.</param>
    /// <param name="progress">Told of the share of windows that is done, 0 to 1.</param>
    /// <param name="cancellation">Breaks off between two windows.</param>
    /// <exception cref="EvaluationException">
    /// An activation is NaN or infinite (the weight and the window are named), or the file of an earlier run is damaged or of
    /// another run.
    /// </exception>
    public static ActivationStatistics Collect(
        ModelConfig config,
        IWeights weights,
        IBackend backend,
        TokenWindows windows,
        CalibrationOptions options,
        IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(windows);
        ArgumentNullException.ThrowIfNull(options);
        using ModelProbe probe = new(config, weights, backend, new ProbeOptions(windows.WindowTokens, options.KvFormat, Plain: true));
        List<ActivationGroup> groups = ActivationGroup.Of(probe.Graph, options.Gram);
        int done = 0;
        if (options.StatePath is { } saved && File.Exists(saved))
        {
            try
            {
                done = CollectionState.Resume(saved, options.ModelIdentity, windows, options.KvFormat, groups);
            }
            catch (EvaluationException) when (options.StateIsCache)
            {
                groups = ActivationGroup.Of(probe.Graph, options.Gram);
            }
        }

        Dictionary<string, ActivationGroup> observed = groups.ToDictionary(group => group.Representative.Outputs[0].Name, StringComparer.Ordinal);
        int threads = options.Threads ?? Environment.ProcessorCount;
        int unsaved = 0;
        while (done < windows.Windows.Length && !cancellation.IsCancellationRequested)
        {
            probe.Run(windows.Windows[done].AsSpan(), (step, execution) =>
            {
                if (observed.TryGetValue(step.Node.Outputs[0].Name, out ActivationGroup? group) && !group.Add(execution, threads))
                {
                    throw new EvaluationException(
                        $"Window {done}: what {string.Join(" and ", group.Weights)} is multiplied with holds NaN or infinity. A weight before it is damaged, or a value overflows its format.");
                }
            });
            done++;
            progress?.Report(done / (double)windows.Windows.Length);
            if (++unsaved == options.WindowsBetweenSaves || done == windows.Windows.Length)
            {
                Save();
            }
        }

        if (unsaved > 0)
        {
            Save();
        }

        cancellation.ThrowIfCancellationRequested();
        Dictionary<string, ColumnStatistics> byWeight = new(StringComparer.Ordinal);
        foreach (ActivationGroup group in groups)
        {
            ColumnStatistics statistics = group.Finish();
            foreach (string name in group.Weights)
            {
                byWeight.Add(name, statistics);
            }
        }

        return new ActivationStatistics(byWeight);

        void Save()
        {
            if (options.StatePath is { } path)
            {
                try
                {
                    CollectionState.Write(path, options.ModelIdentity, windows, options.KvFormat, done, groups);
                }
                catch (Exception error) when (options.StateIsCache && error is (IOException or UnauthorizedAccessException))
                {
                    // The next run collects again.
                }
            }

            unsaved = 0;
        }
    }

    /// <summary>Reads statistics that a collection has left in its file (<see cref="CalibrationOptions.StatePath"/>).</summary>
    /// <exception cref="EvaluationException">The file is damaged, of another version, or of a collection that is not done.</exception>
    public static ActivationStatistics Load(string path) => new(CollectionState.Load(path));

    /// <summary>Finds the statistics of what a weight is multiplied with.</summary>
    public bool TryGet(string weightName, [NotNullWhen(true)] out ColumnStatistics? statistics) =>
        _byWeight.TryGetValue(ActivationGroup.WholeName(weightName), out statistics);
}
