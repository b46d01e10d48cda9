using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>
/// Measures candidates against an original on the same windows of text. The original's logits are captured once, in memory up
/// to a budget and in a temporary file beyond it. The numbers do not depend on threads: rows are taken in order, in float64.
/// Not thread-safe.
/// </summary>
public sealed class QualityMeter : IDisposable
{
    /// <summary>Memory for the original's logits where nobody says.</summary>
    public const long DefaultMemoryBytes = 1L << 30;

    readonly ModelConfig _config;
    readonly LogitStore _logits;
    readonly RowSummary[] _summaries;

    /// <summary>Runs the original over all windows.</summary>
    /// <param name="config">The original's configuration.</param>
    /// <param name="original">Its weights; used here only.</param>
    /// <param name="backend">What computes it; used here only.</param>
    /// <param name="windows">What is read.</param>
    /// <param name="kvFormat">What the original's keys and values are stored in.</param>
    /// <param name="memoryBytes">Memory for its logits, 4 · vocab bytes a token; a temporary file takes the rest.</param>
    /// <param name="progress">Told of the share of windows that is done, 0 to 1.</param>
    /// <param name="cancellation">Breaks off between two windows.</param>
    /// <exception cref="ArgumentException">A token id is outside the vocabulary.</exception>
    /// <exception cref="EvaluationException">A logit of the original is no number (the window and position are named), or the disk is full.</exception>
    public QualityMeter(
        ModelConfig config,
        IWeights original,
        IBackend backend,
        TokenWindows windows,
        TensorFormat kvFormat = TensorFormat.F32,
        long memoryBytes = DefaultMemoryBytes,
        IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(windows);
        _config = config;
        Windows = windows;
        if (windows.Windows.Any(window => window.Any(id => (uint)id >= (uint)config.Vocab)))
        {
            throw new ArgumentException($"The windows have token ids outside the model's vocabulary of {config.Vocab}: they were cut with another tokenizer.", nameof(windows));
        }

        using ModelProbe probe = Probe(config, original, backend, kvFormat);
        _logits = new LogitStore(probe.Vocab, memoryBytes);
        _summaries = new RowSummary[windows.Scored];
        QualityTally tally = new();
        try
        {
            Run(probe, tally, progress, cancellation, (row, logits, summary) =>
            {
                _logits.Add(logits);
                _summaries[row] = summary;
                tally.AddOriginal(summary);
            });
        }
        catch
        {
            _logits.Dispose();
            throw;
        }

        Original = tally.ToQuality();
    }

    /// <summary>What is read.</summary>
    public TokenWindows Windows { get; }

    /// <summary>The original beside itself: its perplexity, no divergence, full agreement.</summary>
    public Quality Original { get; }

    /// <summary>Measures a candidate of the same configuration.</summary>
    /// <inheritdoc cref="Measure(ModelConfig, IWeights, IBackend, TensorFormat, IProgress{double}?, CancellationToken)"/>
    public Quality Measure(IWeights candidate, IBackend backend, TensorFormat kvFormat, IProgress<double>? progress = null, CancellationToken cancellation = default) =>
        Measure(_config, candidate, backend, kvFormat, progress, cancellation);

    /// <summary>Measures a candidate, which may be of another configuration as long as the vocabulary is the same.</summary>
    /// <param name="config">The candidate's configuration.</param>
    /// <param name="candidate">Its weights.</param>
    /// <param name="backend">What computes it, with the arithmetic that will serve it.</param>
    /// <param name="kvFormat">What its keys and values are stored in.</param>
    /// <param name="progress">Told of the share of windows that is done, 0 to 1.</param>
    /// <param name="cancellation">Breaks off between two windows.</param>
    /// <exception cref="ArgumentException">The candidate has another vocabulary.</exception>
    /// <exception cref="EvaluationException">A logit of the candidate is no number; the window and position are named.</exception>
    public Quality Measure(
        ModelConfig config, IWeights candidate, IBackend backend, TensorFormat kvFormat, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        using ModelProbe probe = Probe(config, candidate, backend, kvFormat);
        if (probe.Vocab != _config.Vocab)
        {
            throw new ArgumentException($"The candidate has a vocabulary of {probe.Vocab}, but the original of {_config.Vocab}: their predictions cannot be compared.", nameof(config));
        }

        QualityTally tally = new();
        Run(probe, tally, progress, cancellation, (row, logits, summary) => tally.Add(_logits.Read(row), _summaries[row], logits, summary));
        return tally.ToQuality();
    }

    /// <inheritdoc/>
    public void Dispose() => _logits.Dispose();

    /// <summary>The last token of a window is predicted and never read.</summary>
    ModelProbe Probe(ModelConfig config, IWeights weights, IBackend backend, TensorFormat kvFormat) =>
        new(config, weights, backend, new ProbeOptions(Windows.WindowTokens - 1, kvFormat));

    void Run(ModelProbe probe, QualityTally tally, IProgress<double>? progress, CancellationToken cancellation, RowAction each)
    {
        int row = 0;
        for (int w = 0; w < Windows.Windows.Length; w++)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<int> window = Windows.Windows[w].AsSpan();
            probe.Run(window[..^1]);
            for (int target = Windows.FirstScored; target < window.Length; target++, row++)
            {
                ReadOnlySpan<float> logits = probe.Logits(target - 1);
                RowSummary summary = RowSummary.Of(logits, window[target]);
                if (!summary.IsNumber)
                {
                    throw new EvaluationException($"Window {w}, position {target - 1}: {RowSummary.Fault}");
                }

                each(row, logits, summary);
            }

            tally.EndWindow();
            progress?.Report((w + 1.0) / Windows.Windows.Length);
        }
    }

    delegate void RowAction(int row, ReadOnlySpan<float> logits, RowSummary summary);
}
