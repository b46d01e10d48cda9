using OpenAutoGlm.Graph;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>Measures candidates on the windows that promises are about. The original runs over them only where something is measured that is not known yet.</summary>
sealed class HeldOutText(QualityCache cache, Func<QualityMeter> meter, ModelConfig config, IBackend backend) : IDisposable
{
    const string OriginalName = "original";

    readonly Lazy<QualityMeter> _meter = new(meter);

    /// <summary>Whether the original was measured by an earlier run.</summary>
    internal bool IsKnown => cache.Has(OriginalName);

    internal Quality Original => cache.Get(OriginalName, () => _meter.Value.Original);

    internal Quality Measure(CandidateBuilder builder, Assignment assignment, Func<IWeights> candidate, CancellationToken cancellation) => cache.Get(
        $"{string.Join(' ', builder.Space.Groups.Select((group, g) => $"{group.Name}={assignment.Formats[g]}"))} kv={assignment.KvFormat}",
        () => _meter.Value.Measure(config, candidate(), backend, assignment.KvFormat, progress: null, cancellation));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_meter.IsValueCreated)
        {
            _meter.Value.Dispose();
        }
    }
}
