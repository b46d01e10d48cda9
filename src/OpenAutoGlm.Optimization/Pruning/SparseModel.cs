using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Models.Weights;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>Sets weights of a whole model to zero: every matrix of its layers, but neither embeddings nor output nor routers.</summary>
public static class SparseModel
{
    /// <summary>Replaces the matrices in an overlay.</summary>
    /// <param name="config">The model.</param>
    /// <param name="overlay">Its weights, which get the zeros.</param>
    /// <param name="sparsity">How much, in which pattern.</param>
    /// <param name="method">How weights are chosen.</param>
    /// <param name="statistics">What the matrices are multiplied with; null for magnitude.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Breaks off between two matrices.</param>
    /// <returns>What became of each matrix, by name.</returns>
    /// <exception cref="NotSupportedException">Nobody can round to the format of a matrix.</exception>
    public static IReadOnlyDictionary<string, SparseMatrix> Apply(
        ModelConfig config, WeightOverlay overlay, Sparsity sparsity, SparseMethod method, ActivationStatistics? statistics, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(overlay);
        string[] names = MatricesOf(config, overlay);
        Dictionary<string, SparseMatrix> pruned = new(StringComparer.Ordinal);
        foreach (string name in names)
        {
            cancellation.ThrowIfCancellationRequested();
            ColumnStatistics? seen = statistics is not null && statistics.TryGet(name, out ColumnStatistics? found) ? found : null;
            pruned[name] = SparsePruning.Prune(name, overlay.Get(name), sparsity, method, seen);
            overlay.Replace(name, pruned[name].Weight);
            progress?.Report(pruned.Count / (double)names.Length);
        }

        return pruned;
    }

    /// <summary>The names of the matrices of all layers but routers; fused ones once.</summary>
    internal static string[] MatricesOf(ModelConfig config, IWeights weights) =>
    [
        .. Architecture.Build(config, weights, new GraphOptions()).Nodes.Where(node => node.Op is MatMul or ExpertMatMul)
            .Select(node => node.Inputs[1].Name.Split('[')[0])
            .Where(name => name.StartsWith("blk.", StringComparison.Ordinal) && !name.Contains("ffn_gate_inp", StringComparison.Ordinal)).Distinct(),
    ];
}
