using System.Buffers;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>Rounds some rows of a weight, each for itself; called from several threads at once.</summary>
/// <param name="rows">The values, [rows, in]; what is in them afterwards does not matter.</param>
/// <param name="blocks">Receives the rows in the target format.</param>
delegate void RowRounding(Span<float> rows, Span<byte> blocks);

/// <summary>
/// A way from a weight to the same weight in fewer bits. Rows (outputs) are rounded for themselves and on all cores, so
/// that equal arguments give equal bytes with any number of threads.
/// </summary>
public abstract record RoundingMethod
{
    /// <summary>The name that recipes and reports use, for example "nearest".</summary>
    public abstract string Name { get; }

    /// <summary>How many threads work; 0 for as many as there are cores. It does not change the result.</summary>
    public int Threads { get; init; }

    /// <summary>Whether the method does something other than <see cref="Nearest"/> where it is given statistics.</summary>
    public virtual bool UsesStatistics => true;

    /// <summary>Whether the method needs <see cref="ColumnStatistics.Gram"/> to be itself.</summary>
    public virtual bool UsesGram => false;

    /// <summary>How many rows are rounded in one go: more where they share what is read for them.</summary>
    private protected virtual int BatchRows => 1;

    /// <summary>Rounds a weight.</summary>
    /// <param name="weight">[out, in] or [experts, out, in] in any format; it is read, never changed.</param>
    /// <param name="target">The wanted format. Where its blocks do not divide the rows, <see cref="BlockFormat.Fitting"/> says what stands in.</param>
    /// <param name="statistics">What the rows' columns are multiplied with; null where nothing is known.</param>
    /// <param name="name">What the weight is called, for messages.</param>
    /// <param name="cancellation">Checked before every row.</param>
    /// <returns>A new tensor of the same shape.</returns>
    /// <exception cref="NotSupportedException">The target can be read but not written.</exception>
    /// <exception cref="ArgumentException">A value is not a number or too large for the target, or the statistics belong to other columns; the message says where.</exception>
    public Tensor Round(
        Tensor weight, TensorFormat target, ColumnStatistics? statistics, string name = "the weight", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(weight);
        int columns = weight.Shape.Last.Size;
        if (statistics is not null && statistics.Columns != columns)
        {
            throw new ArgumentException($"{name} has {columns} columns, but the statistics are of {statistics.Columns}.", nameof(statistics));
        }

        BlockFormat format = BlockFormat.Of(BlockFormat.Fitting(target, columns));
        if (!format.CanQuantize)
        {
            throw new NotSupportedException($"{name} cannot be rounded to {format.Format}, which can be read but not written.");
        }

        int matrices = weight.Shape.Rank > 2 ? weight.Shape[0].Size : 1;
        int rows = checked((int)(weight.Shape.ElementCount / columns / matrices));
        Tensor result = Tensor.Allocate(format.Format, matrices * rows, columns);
        for (int matrix = 0; matrix < matrices; matrix++)
        {
            RowRounding round = Prepare(format, columns, Of(statistics, matrix));
            RoundRows(weight, matrix * rows, rows, round, result, name, cancellation);
        }

        GC.KeepAlive(weight);
        return result.Reshape([.. weight.Shape.Dims]);
    }

    /// <summary>What is done once for all rows of a matrix; gives what rounds a row.</summary>
    private protected abstract RowRounding Prepare(BlockFormat format, int columns, ColumnStatistics? statistics);

    /// <summary>What is known of one expert; of all together where no token was sent to it.</summary>
    static ColumnStatistics? Of(ColumnStatistics? statistics, int expert) =>
        statistics is not null && expert < statistics.Experts.Length && statistics.Experts[expert].Rows > 0 ? statistics.Experts[expert] : statistics;

    void RoundRows(Tensor weight, int first, int count, RowRounding round, Tensor result, string name, CancellationToken cancellation)
    {
        int columns = weight.Shape.Last.Size;
        int rowBytes = checked((int)result.RowBytes);
        (int Row, ArgumentException Error)? refused = null;
        Lock gate = new();
        ParallelOptions options = new() { MaxDegreeOfParallelism = Threads > 0 ? Threads : -1, CancellationToken = cancellation };
        Parallel.For(0, (count + BatchRows - 1) / BatchRows, options, (batch, loop) =>
        {
            int start = first + (batch * BatchRows), rows = Math.Min(BatchRows, first + count - start), row = start;
            float[] values = ArrayPool<float>.Shared.Rent(rows * columns);
            byte[] blocks = ArrayPool<byte>.Shared.Rent(rows * rowBytes);
            try
            {
                for (; row < start + rows; row++)
                {
                    Span<float> mine = values.AsSpan((row - start) * columns, columns);
                    weight.View.ReadRow(row, mine);
                    CheckFinite(mine);
                }

                row = start;
                round(values.AsSpan(0, rows * columns), blocks.AsSpan(0, rows * rowBytes));
                for (; row < start + rows; row++)
                {
                    blocks.AsSpan((row - start) * rowBytes, rowBytes).CopyTo(result.Piece(row));
                }
            }
            catch (ArgumentException error)
            {
                // All batches before the one that breaks still run, so that it is always the first bad row that is named.
                lock (gate)
                {
                    refused = refused is { } earlier && earlier.Row < row ? refused : (row, error);
                }

                loop.Break();
            }
            finally
            {
                ArrayPool<float>.Shared.Return(values);
                ArrayPool<byte>.Shared.Return(blocks);
            }
        });
        if (refused is { } bad)
        {
            throw new ArgumentException($"{name}, row {bad.Row}: {bad.Error.Message}", bad.Error);
        }
    }

    static void CheckFinite(ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw new ArgumentException($"the value {values[i]} at index {i} is not a number that can be rounded; leave the tensor as it is, or mend its source.");
            }
        }
    }
}
