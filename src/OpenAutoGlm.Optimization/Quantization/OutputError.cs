using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>What a change of a weight does to the outputs, by the statistics of the inputs: E‖x(W − Ŵ)ᵀ‖².</summary>
public static class OutputError
{
    /// <summary>The expected squared error of all outputs together.</summary>
    /// <param name="weight">W: [out, in], any format.</param>
    /// <param name="changed">Ŵ: the same shape.</param>
    /// <param name="statistics">Of the inputs; where there is no Gram matrix, inputs count as uncorrelated.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static double Of(Tensor weight, Tensor changed, ColumnStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(changed);
        ArgumentNullException.ThrowIfNull(statistics);
        if (weight.Shape != changed.Shape || weight.Shape.Last.Size != statistics.Columns)
        {
            throw new ArgumentException($"{weight} and {changed} are no two weights of {statistics.Columns} columns.", nameof(changed));
        }

        double[] errors = new double[weight.View.RowCount];
        Parallel.For(0, errors.Length, row =>
        {
            float[] before = new float[statistics.Columns], after = new float[statistics.Columns];
            weight.View.ReadRow(row, before);
            changed.View.ReadRow(row, after);
            for (int i = 0; i < before.Length; i++)
            {
                before[i] -= after[i];
            }

            errors[row] = Of(before, statistics);
        });
        GC.KeepAlive(weight);
        GC.KeepAlive(changed);
        return errors.Sum();
    }

    /// <summary>d · E[xᵀx] · dᵀ for one row of differences.</summary>
    internal static double Of(ReadOnlySpan<float> difference, ColumnStatistics statistics)
    {
        double total = 0;
        for (int i = 0; i < difference.Length; i++)
        {
            if (statistics.Gram is not { } gram)
            {
                total += (double)statistics.MeanSquare[i] * difference[i] * difference[i];
            }
            else if (difference[i] != 0)
            {
                double sum = 0;
                ReadOnlySpan<double> row = gram.AsSpan(i * difference.Length, i);
                for (int j = 0; j < row.Length; j++)
                {
                    sum += row[j] * difference[j];
                }

                // Twice the half below the diagonal.
                total += difference[i] * ((2 * sum) + (gram[(i * difference.Length) + i] * difference[i]));
            }
        }

        return total;
    }
}
