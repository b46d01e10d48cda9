using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>How the weights that become zero are chosen.</summary>
public enum SparseMethod
{
    /// <summary>The smallest.</summary>
    Magnitude,

    /// <summary>Those with the smallest |w| · ‖x‖, row by row. Source: Sun et al. 2023 (Wanda), §3.</summary>
    Wanda,

    /// <summary>
    /// Column by column, those whose loss hurts the output least, the other weights of the row making up for it. Source: Frantar
    /// and Alistarh 2023 (SparseGPT), §3.
    /// </summary>
    SparseGpt,
}

/// <summary>A matrix with zeros, and what they do to its output.</summary>
/// <param name="Weight">The matrix, in the format that it had.</param>
/// <param name="Zeros">The share of zeros that it really has, after rounding to its format.</param>
/// <param name="RelativeError">E‖Δ·x‖² / E‖W·x‖² on the calibration text; without statistics ‖Δ‖² / ‖W‖².</param>
public sealed record SparseMatrix(Tensor Weight, double Zeros, double RelativeError);

/// <summary>Sets weights to zero without changing shapes. Nothing here gets faster by that; see the advice.</summary>
public static class SparsePruning
{
    const int BlockColumns = 128;
    const double Damping = 0.01;

    /// <summary>Prunes a matrix.</summary>
    /// <param name="name">Its name, for errors.</param>
    /// <param name="weight">The matrix [out, in], or a stack of experts, in a format that can be written.</param>
    /// <param name="sparsity">How much, in which pattern.</param>
    /// <param name="method">How weights are chosen.</param>
    /// <param name="statistics">What it is multiplied with: needed by Wanda, and with its Gram matrix by SparseGPT.</param>
    /// <exception cref="ArgumentException">Statistics that the method needs are missing, or are another matrix's.</exception>
    /// <exception cref="ModelFormatException">A weight is no number.</exception>
    public static SparseMatrix Prune(string name, Tensor weight, Sparsity sparsity, SparseMethod method, ColumnStatistics? statistics)
    {
        ArgumentNullException.ThrowIfNull(weight);
        if (weight.Shape.Rank == 3)
        {
            return PruneExperts(name, weight, sparsity, method, statistics);
        }

        int columns = weight.Shape.Last.Size;
        if (statistics is not null && statistics.Columns != columns)
        {
            throw new ArgumentException($"{name} has {columns} columns, but the statistics are of {statistics.Columns}.", nameof(statistics));
        }

        float[] before = weight.ToFloats();
        if (before.Any(value => !float.IsFinite(value)))
        {
            throw new ModelFormatException(name, "weight", "holds NaN or infinity; it cannot be pruned.");
        }

        float[] after = (float[])before.Clone();
        switch (method)
        {
            case SparseMethod.SparseGpt:
                Compensated(name, after, columns, sparsity, statistics?.Gram ?? throw new ArgumentException($"{name}: SparseGPT needs the Gram matrix of the activations.", nameof(statistics)));
                break;
            case SparseMethod.Wanda:
                float[] squares = statistics?.MeanSquare ?? throw new ArgumentException($"{name}: Wanda needs the norms of the activations.", nameof(statistics));
                ByRows(after, columns, sparsity, (value, column) => value * value * squares[column]);
                break;
            default:
                Smallest(after, columns, sparsity);
                break;
        }

        Tensor rounded = Round(name, after, weight);
        float[] stored = rounded.ToFloats();
        return new SparseMatrix(rounded, stored.Count(value => value == 0) / (double)stored.Length, RelativeError(before, stored, columns, statistics));
    }

    static SparseMatrix PruneExperts(string name, Tensor stack, Sparsity sparsity, SparseMethod method, ColumnStatistics? statistics)
    {
        int count = stack.Shape[0].Size;
        SparseMatrix[] experts = [.. Enumerable.Range(0, count).Select(expert =>
        {
            Tensor matrix = stack.Parts.IsEmpty ? stack.Rows(expert, 1).Reshape(stack.Shape.Dims.AsSpan()[1..]) : stack.Parts[expert];
            ColumnStatistics? own = statistics is { Experts.IsEmpty: false } ? statistics.Experts[expert] : statistics;

            // An expert that no token visited says nothing about its inputs; those of all experts stand in.
            return Prune($"{name}[{expert}]", matrix, sparsity, method, own is { Rows: > 0 } ? own : statistics);
        })];
        return new SparseMatrix(Tensor.Stack([.. experts.Select(expert => expert.Weight)]), experts.Average(expert => expert.Zeros), experts.Average(expert => expert.RelativeError));
    }

    /// <summary>One threshold for the matrix, or the smallest of each group.</summary>
    static void Smallest(float[] values, int columns, Sparsity sparsity)
    {
        if (sparsity.Group > 0)
        {
            ByRows(values, columns, sparsity, (value, _) => value * value);
            return;
        }

        float[] sizes = [.. values.Select(Math.Abs)];
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort(sizes, order);
        foreach (int i in order.AsSpan(0, (int)Math.Round(sparsity.Share * values.Length)))
        {
            values[i] = 0;
        }
    }

    static void ByRows(float[] values, int columns, Sparsity sparsity, Func<float, int, double> score)
    {
        double[] scores = new double[columns];
        bool[] gone = new bool[columns];
        for (int start = 0; start < values.Length; start += columns)
        {
            for (int column = 0; column < columns; column++)
            {
                scores[column] = score(values[start + column], column);
            }

            Choose(scores, gone, 0, columns, sparsity);
            for (int column = 0; column < columns; column++)
            {
                values[start + column] = gone[column] ? 0 : values[start + column];
            }
        }
    }

    /// <summary>Marks those of a run of columns that go: the lowest of all, or of each group.</summary>
    static void Choose(ReadOnlySpan<double> scores, Span<bool> gone, int first, int end, Sparsity sparsity)
    {
        int group = sparsity.Group > 0 ? sparsity.Group : end - first;
        for (int start = first; start < end; start += group)
        {
            int count = Math.Min(group, end - start);
            double[] sorted = scores.Slice(start, count).ToArray();
            int[] order = [.. Enumerable.Range(start, count)];
            Array.Sort(sorted, order);
            gone.Slice(start, count).Clear();
            foreach (int column in order.AsSpan(0, (int)Math.Round(sparsity.Share * count)))
            {
                gone[column] = true;
            }
        }
    }

    /// <summary>
    /// With U the upper factor of H⁻¹ = UᵀU, taking w_j out costs w_j² / U_jj², and the best answer of the columns behind it is
    /// −(w_j / U_jj) · U_j. Which go is decided block by block, on weights that have made up for the blocks before.
    /// </summary>
    static void Compensated(string name, float[] values, int columns, Sparsity sparsity, double[] gram)
    {
        double[,] upper = InverseFactor(name, gram, columns);
        int block = sparsity.Group > 0 ? BlockColumns / sparsity.Group * sparsity.Group : BlockColumns;
        Parallel.For(0, values.Length / columns, row =>
        {
            double[] w = new double[columns];
            for (int i = 0; i < columns; i++)
            {
                w[i] = values[(row * columns) + i];
            }

            double[] scores = new double[columns];
            bool[] gone = new bool[columns];
            for (int first = 0; first < columns; first += block)
            {
                int end = Math.Min(columns, first + block);
                for (int i = first; i < end; i++)
                {
                    scores[i] = w[i] * w[i] / (upper[i, i] * upper[i, i]);
                }

                Choose(scores, gone, first, end, sparsity);
                for (int i = first; i < end; i++)
                {
                    if (!gone[i])
                    {
                        continue;
                    }

                    double error = w[i] / upper[i, i];
                    w[i] = 0;
                    for (int j = i + 1; j < columns; j++)
                    {
                        w[j] -= error * upper[i, j];
                    }
                }
            }

            for (int i = 0; i < columns; i++)
            {
                values[(row * columns) + i] = gone[i] ? 0 : (float)w[i];
            }
        });
    }

    static double[,] InverseFactor(string name, double[] gram, int columns)
    {
        double[,] matrix = new double[columns, columns];
        double mean = Enumerable.Range(0, columns).Average(i => gram[(i * columns) + i]);
        for (int i = 0; i < columns; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                matrix[i, j] = gram[(i * columns) + j];
            }

            matrix[i, i] += (Damping * mean) + double.Epsilon;
        }

        try
        {
            // The transposed lower factor of the inverse is upper, and UᵀU is the inverse.
            double[,] lower = LinearSystem.Factor(LinearSystem.Invert(matrix));
            double[,] upper = new double[columns, columns];
            for (int i = 0; i < columns; i++)
            {
                for (int j = 0; j <= i; j++)
                {
                    upper[j, i] = lower[i, j];
                }
            }

            return upper;
        }
        catch (ArgumentException error)
        {
            throw new ArgumentException($"{name}: the activations are all 0 or too much alike to make up for anything ({error.Message})", nameof(gram), error);
        }
    }

    static Tensor Round(string name, float[] values, Tensor like)
    {
        BlockFormat format = BlockFormat.Of(like.Format);
        if (!format.CanQuantize)
        {
            throw new NotSupportedException($"{name}: nobody can round to {like.Format}; prune before quantising.");
        }

        Tensor rounded = Tensor.Allocate(like.Format, [.. like.Shape.Dims]);
        int columns = like.Shape.Last.Size;
        for (int row = 0; row < values.Length / columns; row++)
        {
            format.Quantize(values.AsSpan(row * columns, columns), [], rounded.Piece(row));
        }

        return rounded;
    }

    static double RelativeError(float[] before, float[] after, int columns, ColumnStatistics? statistics)
    {
        double lost = 0, all = 0;
        double[] change = new double[columns];
        for (int start = 0; start < before.Length; start += columns)
        {
            for (int i = 0; i < columns; i++)
            {
                change[i] = after[start + i] - before[start + i];
            }

            lost += Energy(change, statistics);
            for (int i = 0; i < columns; i++)
            {
                change[i] = before[start + i];
            }

            all += Energy(change, statistics);
        }

        return all > 0 ? lost / all : 0;
    }

    /// <summary>wᵀ·G·w, with the diagonal of G where that is all there is.</summary>
    static double Energy(double[] w, ColumnStatistics? statistics)
    {
        double sum = 0;
        for (int i = 0; i < w.Length; i++)
        {
            if (statistics?.Gram is not { } gram)
            {
                sum += w[i] * w[i] * (statistics?.MeanSquare[i] ?? 1);
                continue;
            }

            double inner = 0;
            if (w[i] != 0)
            {
                for (int j = 0; j < w.Length; j++)
                {
                    inner += gram[(i * w.Length) + j] * w[j];
                }
            }

            sum += w[i] * inner;
        }

        return sum;
    }
}
