using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Sensitivity;

/// <summary>
/// What rounding a tensor does to its product, without running the model: Σ E[x²] · (w − ŵ)² over all elements, the mean
/// squared error of the output summed over outputs, as far as columns are independent. Needs no gradients. Large tensors
/// are judged by rows taken evenly from all of it. Source: Frantar and Alistarh 2022 (OBC), with the diagonal of the
/// Hessian; the fast proxy of many mixed-precision searches.
/// </summary>
static class RoundingError
{
    const int MostElements = 1 << 19;

    /// <summary>The error of a tensor in a format.</summary>
    /// <param name="builder">Who rounds.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="format">The format.</param>
    /// <param name="counts">For an embedding table: how often each row is picked; null where it is not known.</param>
    /// <param name="cancellation">Breaks off.</param>
    internal static double Of(CandidateBuilder builder, GroupTensor tensor, TensorFormat format, IReadOnlyList<int>? counts, CancellationToken cancellation)
    {
        Tensor weight = builder.Weights.Get(tensor.Name);
        int columns = tensor.Columns;
        long rows = (long)tensor.Rows * tensor.Matrices;
        int taken = (int)Math.Min(rows, Math.Max(16, MostElements / columns));
        int[] places = [.. Enumerable.Range(0, taken).Select(i => (int)(i * rows / taken))];
        float[] values = new float[(long)taken * columns];
        for (int i = 0; i < taken; i++)
        {
            weight.View.ReadRow(places[i], values.AsSpan(i * columns, columns));
        }

        GC.KeepAlive(weight);
        ColumnStatistics? statistics = builder.StatisticsOf(tensor.Name);
        Tensor sample = Tensor.Of(values, taken, columns);
        float[] rounded = builder.MethodOf(tensor.Name).Round(sample, format, Flat(statistics), tensor.Name, cancellation).ToFloats();
        double total = 0;
        double picks = counts?.Sum(count => (double)count + 1) ?? 1;
        for (int i = 0; i < taken; i++)
        {
            double sum = 0;
            for (int j = 0; j < columns; j++)
            {
                double difference = values[(i * columns) + j] - rounded[(i * columns) + j];
                sum += difference * difference * (statistics is null ? 1 : statistics.MeanSquare[j]);
            }

            // A row that is never picked may still be tomorrow.
            bool picked = tensor.Use == TensorUse.Rows && counts is not null;
            total += picked ? sum * (counts![places[i]] + 1) / picks * rows : sum;
        }

        return total * rows / taken;
    }

    /// <summary>Rows of all experts together are a matrix.</summary>
    static ColumnStatistics? Flat(ColumnStatistics? statistics) => statistics is null || statistics.Experts.IsDefaultOrEmpty ? statistics : new ColumnStatistics
    {
        Columns = statistics.Columns,
        Rows = statistics.Rows,
        MeanSquare = statistics.MeanSquare,
        MeanAbs = statistics.MeanAbs,
        Max = statistics.Max,
        Mean = statistics.Mean,
        Gram = statistics.Gram,
        Histogram = statistics.Histogram,
    };
}
