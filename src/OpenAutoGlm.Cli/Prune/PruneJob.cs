using System.Collections.Immutable;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Pruning;

namespace OpenAutoGlm.Cli.Prune;

/// <summary>Reads what is to be taken out of a model, does it, and measures what that cost.</summary>
static class PruneJob
{
    /// <summary>Names of the ways to choose units.</summary>
    public static IEnumerable<string> UnitMethods => PruningMethods.Units.Keys;

    /// <summary>Names of the ways to choose weights that become zero.</summary>
    public static IEnumerable<string> SparseMethods => PruningMethods.Zeros.Keys;

    /// <summary>An empty job that chooses so.</summary>
    /// <exception cref="CommandFailedException">There is no such method.</exception>
    public static PruningJob Of(string? method)
    {
        if (method is null)
        {
            return new PruningJob();
        }

        bool ofUnits = PruningMethods.Units.TryGetValue(method, out ImportanceMethod units);
        bool ofZeros = PruningMethods.Zeros.TryGetValue(method, out SparseMethod zeros);
        return ofUnits || ofZeros
            ? new PruningJob { Method = ofUnits ? units : ImportanceMethod.Sensitivity, Zeros = ofZeros ? zeros : SparseMethod.Wanda }
            : throw CommandFailedException.Usage($"--method is '{method}'; known are {string.Join(", ", UnitMethods.Union(SparseMethods))}.");
    }

    /// <summary>Takes everything out and measures what that cost.</summary>
    public static PruneOutcome Run(PruningJob job, ModelPackage model, IBackend backend, TokenWindows calibration, TokenWindows held, MachineLimits machine, StatusLine status, CancellationToken cancellation)
    {
        PrunedModel pruned = job.Apply(model.Config, model.Weights, backend, calibration, new Said(status), cancellation);
        status.Say("measuring what that cost");
        using QualityMeter meter = new(model.Config, model.Weights, backend, held, TensorFormat.F32, progress: new ProgressLine(status, "measuring the original"), cancellation: cancellation);
        Quality quality = meter.Measure(pruned.Config, pruned.Weights, backend, TensorFormat.F32, new ProgressLine(status, "measuring the pruned model"), cancellation);
        return new PruneOutcome(
            pruned.Config, pruned.Weights, pruned.Removed, pruned.Zeros, ModelTimes.Of(model.Config, model.Weights, machine), ModelTimes.Of(pruned.Config, pruned.Weights, machine), meter.Original, quality);
    }

    sealed class Said(StatusLine status) : IProgress<(string What, double Share)>
    {
        public void Report((string What, double Share) value) => new ProgressLine(status, value.What).Report(value.Share);
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
