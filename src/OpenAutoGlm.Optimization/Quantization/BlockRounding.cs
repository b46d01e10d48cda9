using System.Buffers;
using System.Runtime.Intrinsics;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// Rounds rows to a block format column by column, and subtracts what each rounding did wrong from the columns that are still
/// to come. When a block is entered, its scales are searched for its values as they are by then; after that only codes
/// are chosen, so that what comes out is a block as any other.
/// </summary>
/// <param name="format">The target.</param>
/// <param name="importance">What the squared error of each column counts when scales are searched, in the order of the row.</param>
/// <param name="feedback">U [columns, columns] with H⁻¹ = UᵀU, columns in the order of work; null for no correction of later columns.</param>
/// <param name="order">
/// Which column is rounded when; null for the order of the row. In any other, all scales are searched before the first column is
/// rounded, because the columns of a block do not come together.
/// </param>
/// <param name="sparse">Whether of each four neighbours in a row only the two that count most are kept, and the others become 0.</param>
sealed class BlockRounding(QuantizedFormat format, float[] importance, float[]? feedback, int[]? order, bool sparse)
{
    /// <summary>Corrections within a stripe are made at once, those beyond it for the whole stripe together: a multiple of every block.</summary>
    const int Stripe = 256;

    readonly int _columns = importance.Length;

    /// <summary>Rounds rows [rows, columns]; each for itself, however many there are.</summary>
    public void Round(Span<float> rows, Span<byte> blocks)
    {
        int count = rows.Length / _columns, rowBytes = blocks.Length / count, rowGroups = _columns / format.GroupElements;
        sbyte[] codes = ArrayPool<sbyte>.Shared.Rent(rows.Length);
        float[] scales = ArrayPool<float>.Shared.Rent(count * rowGroups), minimums = ArrayPool<float>.Shared.Rent(count * rowGroups);
        float[] errors = ArrayPool<float>.Shared.Rent(count * Stripe);
        bool[] dropped = ArrayPool<bool>.Shared.Rent(rows.Length);
        Array.Clear(dropped, 0, rows.Length);
        Array.Clear(minimums, 0, count * rowGroups);
        try
        {
            for (int row = 0; row < count && order is not null; row++)
            {
                for (int start = 0; start < _columns; start += format.BlockElements)
                {
                    Row(row, rows, codes, scales, minimums, dropped, blocks).Enter(start);
                }

                Permute(rows.Slice(row * _columns, _columns), order);
            }

            for (int start = 0; start < _columns; start += Stripe)
            {
                int end = Math.Min(start + Stripe, _columns);
                for (int row = 0; row < count; row++)
                {
                    Row(row, rows, codes, scales, minimums, dropped, blocks).Round(start, end, errors.AsSpan(row * Stripe, Stripe));
                }

                if (feedback is not null)
                {
                    Correct(rows, errors, start, end);
                }
            }

            for (int row = 0; row < count; row++)
            {
                format.Recode(codes.AsSpan(row * _columns, _columns), blocks.Slice(row * rowBytes, rowBytes));
            }
        }
        finally
        {
            ArrayPool<sbyte>.Shared.Return(codes);
            ArrayPool<float>.Shared.Return(scales);
            ArrayPool<float>.Shared.Return(minimums);
            ArrayPool<float>.Shared.Return(errors);
            ArrayPool<bool>.Shared.Return(dropped);
        }

        OneRow Row(int row, Span<float> rows, sbyte[] codes, float[] scales, float[] minimums, bool[] dropped, Span<byte> blocks) => new(
            this,
            rows.Slice(row * _columns, _columns),
            codes.AsSpan(row * _columns, _columns),
            scales.AsSpan(row * rowGroups, rowGroups),
            minimums.AsSpan(row * rowGroups, rowGroups),
            dropped.AsSpan(row * _columns, _columns),
            blocks.Slice(row * rowBytes, rowBytes));
    }

    static void Permute(Span<float> row, int[] order)
    {
        float[] copy = row.ToArray();
        for (int i = 0; i < order.Length; i++)
        {
            row[i] = copy[order[i]];
        }
    }

    /// <summary>rows[:, end …] −= errors · U[start … end, end …], in rising order of the columns that made the errors.</summary>
    void Correct(Span<float> rows, float[] errors, int start, int end)
    {
        const int Chunk = 512; // Of U's rows, so that they stay in the cache while all rows pass.
        for (int from = end; from < _columns; from += Chunk)
        {
            int width = Math.Min(Chunk, _columns - from);
            for (int row = 0; row < rows.Length / _columns; row++)
            {
                Span<float> mine = rows.Slice((row * _columns) + from, width);
                for (int i = start; i < end; i++)
                {
                    Subtract(errors[(row * Stripe) + i - start], feedback.AsSpan((i * _columns) + from, width), mine);
                }
            }
        }
    }

    /// <summary>y −= factor · x.</summary>
    static void Subtract(float factor, ReadOnlySpan<float> x, Span<float> y)
    {
        int i = 0;
        var factors = Vector256.Create(factor);
        for (; i <= x.Length - 8; i += 8)
        {
            (Vector256.Create<float>(y[i..]) - (factors * Vector256.Create(x[i..]))).CopyTo(y[i..]);
        }

        for (; i < x.Length; i++)
        {
            y[i] -= factor * x[i];
        }
    }

    /// <summary>One row on its way; the values are in the order of work, everything else in that of the row.</summary>
    readonly ref struct OneRow(
        BlockRounding how, Span<float> values, Span<sbyte> codes, Span<float> scales, Span<float> minimums, Span<bool> dropped, Span<byte> blocks)
    {
        readonly Span<float> _values = values;
        readonly Span<sbyte> _codes = codes;
        readonly Span<float> _scales = scales;
        readonly Span<float> _minimums = minimums;
        readonly Span<bool> _dropped = dropped;
        readonly Span<byte> _blocks = blocks;

        QuantizedFormat Format => how.Format;

        /// <summary>Chooses what is dropped in a block, and its scales.</summary>
        public void Enter(int start)
        {
            int length = Format.BlockElements, groups = Format.BlockGroups, block = start / length;
            Span<float> values = stackalloc float[length], counts = stackalloc float[length];
            Span<sbyte> codes = stackalloc sbyte[length];
            _values.Slice(start, length).CopyTo(values);
            how.Importance.AsSpan(start, length).CopyTo(counts);
            if (how.Sparse)
            {
                Drop(values, counts, _dropped.Slice(start, length));
            }

            Span<byte> bytes = _blocks.Slice(block * Format.BlockBytes, Format.BlockBytes);
            Format.Quantize(values, counts, bytes);
            Format.Unpack(bytes, codes, _scales.Slice(block * groups, groups), Format.HasMinimum ? _minimums.Slice(block * groups, groups) : default);
        }

        /// <summary>Rounds the columns of a stripe and corrects those after them in it.</summary>
        public void Round(int start, int end, Span<float> errors)
        {
            for (int i = start; i < end; i++)
            {
                int column = how.Order is null ? i : how.Order[i];
                if (how.Order is null && column % Format.BlockElements == 0)
                {
                    Enter(column);
                }

                int group = column / Format.GroupElements;
                (float scale, float minimum) = (_scales[group], _minimums[group]);
                sbyte code = _dropped[column] ? (sbyte)0 : Format.NearestCode((_values[i] - minimum) * (scale == 0 ? 0 : 1 / scale));
                _codes[column] = code;
                if (how.Feedback is not null)
                {
                    float error = (_values[i] - ((scale * code) + minimum)) / how.Feedback[(i * how.Columns) + i];
                    errors[i - start] = error;
                    Subtract(error, how.Feedback.AsSpan((i * how.Columns) + i + 1, end - i - 1), _values[(i + 1)..end]);
                }
            }
        }

        /// <summary>Of each four, sets the two with the least importance · value² to 0, the later ones where they count the same.</summary>
        static void Drop(Span<float> values, Span<float> counts, Span<bool> dropped)
        {
            for (int i = 0; i < values.Length; i++)
            {
                int four = i / 4 * 4, ahead = 0;
                double mine = (double)counts[i] * values[i] * values[i];
                for (int other = four; other < four + 4; other++)
                {
                    double theirs = (double)counts[other] * values[other] * values[other];
                    ahead += theirs > mine || (theirs == mine && other < i) ? 1 : 0;
                }

                dropped[i] = ahead >= 2;
            }

            for (int i = 0; i < values.Length; i++)
            {
                if (dropped[i])
                {
                    (values[i], counts[i]) = (0, 0);
                }
            }
        }
    }

    QuantizedFormat Format => format;

    float[] Importance => importance;

    float[]? Feedback => feedback;

    int[]? Order => order;

    bool Sparse => sparse;

    int Columns => _columns;
}
