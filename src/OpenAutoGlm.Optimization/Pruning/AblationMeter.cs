using System.Collections.Immutable;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>
/// Measures what a model loses without some of its units, by silencing them while it runs: no weight is changed and no plan is
/// made anew, so that all heads of a small model are measured in seconds. Harm is the mean KL(original ‖ silenced) in nats a
/// token. Not thread-safe.
/// </summary>
public sealed class AblationMeter : IDisposable
{
    const long MaxBytes = 4L << 30;

    readonly ModelProbe _probe;
    readonly UnitPlaces _places;
    readonly ImmutableArray<ImmutableArray<int>> _windows;
    readonly float[][] _original; // of each window its rows of log-probabilities, one behind another

    /// <summary>Runs the model over the windows once.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights, which must live as long as the meter.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="windows">What is read.</param>
    /// <exception cref="ArgumentException">The log-probabilities of all tokens would not fit in 4 GiB.</exception>
    public AblationMeter(ModelConfig config, IWeights weights, IBackend backend, TokenWindows windows)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(windows);
        long bytes = (long)windows.TokenCount * config.Vocab * sizeof(float);
        if (bytes > MaxBytes)
        {
            throw new ArgumentException($"{windows.TokenCount} tokens of {config.Vocab} log-probabilities take {bytes} bytes, more than {MaxBytes}: measure on fewer tokens.", nameof(windows));
        }

        _windows = windows.Windows;
        _probe = new ModelProbe(config, weights, backend, new ProbeOptions(windows.WindowTokens, TensorFormat.F32, Plain: true));
        _places = new UnitPlaces(config, _probe.Graph);
        _original = new float[_windows.Length][];
        for (int w = 0; w < _windows.Length; w++)
        {
            _probe.Run(_windows[w].AsSpan());
            float[] rows = new float[_windows[w].Length * _probe.Vocab];
            for (int t = 0; t < _windows[w].Length; t++)
            {
                LogSoftmax(_probe.Logits(t), rows.AsSpan(t * _probe.Vocab, _probe.Vocab));
            }

            _original[w] = rows;
        }
    }

    /// <summary>Windows that are read.</summary>
    public int WindowCount => _windows.Length;

    /// <summary>Tokens that are read for one measurement.</summary>
    public int TokenCount => _windows.Sum(window => window.Length);

    /// <summary>Mean KL(original ‖ without these units), nats a token.</summary>
    public double Harm(params IReadOnlyCollection<PrunableUnit> silenced) => Measure((_, step, execution) => _places.Silence(step, execution, silenced));

    /// <summary>Harm of every unit alone.</summary>
    /// <param name="units">The units.</param>
    /// <param name="progress">Told the share that is done, 0 to 1.</param>
    /// <param name="cancellation">Breaks off between two units.</param>
    public double[] HarmOfEach(IReadOnlyList<PrunableUnit> units, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(units);
        double[] harm = new double[units.Count];
        for (int i = 0; i < harm.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            harm[i] = Harm(units[i]);
            progress?.Report((i + 1.0) / harm.Length);
        }

        return harm;
    }

    /// <inheritdoc/>
    public void Dispose() => _probe.Dispose();

    /// <summary>Mean KL where something changes values while the model runs.</summary>
    /// <param name="change">Told the window and each step; may write to the step's outputs.</param>
    internal double Measure(Action<int, PlanStep, Execution> change)
    {
        double sum = 0;
        for (int w = 0; w < _windows.Length; w++)
        {
            sum += MeasureWindow(w, change) * _windows[w].Length;
        }

        return sum / TokenCount;
    }

    /// <summary>Mean KL over one window.</summary>
    internal double MeasureWindow(int window, Action<int, PlanStep, Execution> change)
    {
        _probe.Run(_windows[window].AsSpan(), (step, execution) => change(window, step, execution));
        double sum = 0;
        float[] row = new float[_probe.Vocab];
        for (int t = 0; t < _windows[window].Length; t++)
        {
            LogSoftmax(_probe.Logits(t), row);
            sum += Divergence(_original[window].AsSpan(t * row.Length, row.Length), row);
        }

        return sum / _windows[window].Length;
    }

    internal void Silence(PlanStep step, Execution execution, IReadOnlyCollection<PrunableUnit> units) => _places.Silence(step, execution, units);

    static void LogSoftmax(ReadOnlySpan<float> logits, Span<float> result)
    {
        float most = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            most = Math.Max(most, logit);
        }

        double sum = 0;
        foreach (float logit in logits)
        {
            sum += MathF.Exp(logit - most);
        }

        float scale = most + (float)Math.Log(sum);
        for (int i = 0; i < logits.Length; i++)
        {
            result[i] = logits[i] - scale;
        }
    }

    static double Divergence(ReadOnlySpan<float> original, ReadOnlySpan<float> changed)
    {
        double sum = 0;
        for (int i = 0; i < original.Length; i++)
        {
            sum += MathF.Exp(original[i]) * (double)(original[i] - changed[i]);
        }

        return Math.Max(0, sum);
    }
}
