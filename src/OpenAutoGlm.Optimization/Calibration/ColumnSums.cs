using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// Takes rows of activations one after the other and keeps only sums, in float64: a stream of any length in memory of a few
/// rows. Not thread-safe.
/// </summary>
public sealed class ColumnSums
{
    const int Lanes = 8;

    readonly double[] _sums;
    readonly double[] _absSums;
    readonly double[] _squareSums;
    readonly float[] _max;
    readonly MagnitudeHistogram _histogram = new();
    GramSum? _gram;
    long _rows;

    /// <summary>Sums of nothing yet.</summary>
    /// <param name="columns">Numbers in a row.</param>
    /// <param name="withGram">Whether XᵀX is kept too: 8 · columns² bytes.</param>
    public ColumnSums(int columns, bool withGram = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        _sums = new double[columns];
        _absSums = new double[columns];
        _squareSums = new double[columns];
        _max = new float[columns];
        _gram = withGram ? new GramSum(columns) : null;
    }

    /// <summary>Numbers in a row.</summary>
    public int Columns => _max.Length;

    /// <summary>Whether XᵀX is kept.</summary>
    public bool HasGram => _gram is not null;

    /// <summary>Adds rows that lie one behind the other.</summary>
    /// <param name="rows">[count, columns].</param>
    /// <param name="threads">Threads for the Gram matrix; the result does not depend on it.</param>
    /// <returns>False where a number is NaN or infinite; the sums are spoilt then.</returns>
    /// <exception cref="ArgumentException">The numbers are no whole rows.</exception>
    public bool Add(ReadOnlySpan<float> rows, int threads = 1)
    {
        if (rows.Length % Columns != 0)
        {
            throw new ArgumentException($"{rows.Length} numbers are no whole rows of {Columns}.", nameof(rows));
        }

        bool finite = true;
        for (int start = 0; start < rows.Length; start += Columns)
        {
            finite &= AddRow(rows.Slice(start, Columns));
        }

        _histogram.Add(rows);
        _gram?.Add(rows, threads);
        _rows += rows.Length / Columns;
        return finite;
    }

    /// <summary>Adds what another has gathered. The Gram matrix is kept where both have one.</summary>
    /// <exception cref="ArgumentException">They differ in columns.</exception>
    public void Add(ColumnSums other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Columns != Columns)
        {
            throw new ArgumentException($"Sums of {other.Columns} columns cannot be added to sums of {Columns}.", nameof(other));
        }

        for (int i = 0; i < Columns; i++)
        {
            _sums[i] += other._sums[i];
            _absSums[i] += other._absSums[i];
            _squareSums[i] += other._squareSums[i];
            _max[i] = MathF.Max(_max[i], other._max[i]);
        }

        if (_gram is not null && other._gram is not null)
        {
            _gram.Add(other._gram);
        }
        else
        {
            _gram = null;
        }

        _histogram.Add(other._histogram);
        _rows += other._rows;
    }

    /// <summary>The statistics so far.</summary>
    public ColumnStatistics ToStatistics() => ToStatistics([]);

    internal ColumnStatistics ToStatistics(ImmutableArray<ColumnStatistics> experts)
    {
        MagnitudeHistogram histogram = new();
        histogram.Add(_histogram);
        return new ColumnStatistics
        {
            Columns = Columns,
            Rows = _rows,
            Mean = Means(_sums),
            MeanAbs = Means(_absSums),
            MeanSquare = Means(_squareSums),
            Max = [.. _max],
            Gram = _gram?.Mean(_rows),
            Histogram = histogram,
            Experts = experts,
        };
    }

    internal void Write(BinaryWriter writer)
    {
        writer.Write(Columns);
        writer.Write(_rows);
        writer.Write(HasGram);
        foreach (double[] sums in new[] { _sums, _absSums, _squareSums })
        {
            Array.ForEach(sums, writer.Write);
        }

        Array.ForEach(_max, writer.Write);
        _histogram.Write(writer);
        _gram?.Write(writer);
    }

    /// <exception cref="InvalidDataException">The numbers make no sense.</exception>
    /// <exception cref="EndOfStreamException">There are too few.</exception>
    internal static ColumnSums Read(BinaryReader reader)
    {
        int columns = reader.ReadInt32();
        long rows = reader.ReadInt64();
        bool withGram = reader.ReadBoolean();
        long left = reader.BaseStream.Length - reader.BaseStream.Position;
        if (columns < 1 || rows < 0 || columns * (long)sizeof(double) > left || (withGram && columns * (long)columns * (sizeof(double) / 2) > left))
        {
            throw new InvalidDataException($"sums of {columns} columns do not fit into the rest of the file");
        }

        ColumnSums read = new(columns, withGram) { _rows = rows };
        foreach (double[] sums in new[] { read._sums, read._absSums, read._squareSums })
        {
            for (int i = 0; i < columns; i++)
            {
                sums[i] = reader.ReadDouble();
            }
        }

        for (int i = 0; i < columns; i++)
        {
            read._max[i] = reader.ReadSingle();
        }

        read._histogram.Add(MagnitudeHistogram.Read(reader));
        read._gram?.Read(reader);
        return read;
    }

    float[] Means(double[] sums) => [.. sums.Select(sum => (float)(sum / Math.Max(1, _rows)))];

    bool AddRow(ReadOnlySpan<float> row)
    {
        // The square of a float32 is finite in float64, so the sum is finite exactly where all numbers are.
        Vector512<double> rowSquares = Vector512<double>.Zero;
        int i = 0;
        for (; i <= row.Length - Lanes; i += Lanes)
        {
            Vector256<float> narrow = Vector256.Create(row.Slice(i, Lanes));
            (Vector256<double> low, Vector256<double> high) = Vector256.Widen(narrow);
            Vector512<double> x = Vector512.Create(low, high);
            Vector512<double> square = x * x;
            rowSquares += square;
            Accumulate(_sums, i, x);
            Accumulate(_absSums, i, Vector512.Abs(x));
            Accumulate(_squareSums, i, square);
            Span<float> most = _max.AsSpan(i, Lanes);
            Vector256.Max(Vector256.Create(most), Vector256.Abs(narrow)).CopyTo(most);
        }

        double squares = Vector512.Sum(rowSquares);
        for (; i < row.Length; i++)
        {
            double x = row[i];
            squares += x * x;
            _sums[i] += x;
            _absSums[i] += Math.Abs(x);
            _squareSums[i] += x * x;
            _max[i] = MathF.Max(_max[i], MathF.Abs(row[i]));
        }

        return double.IsFinite(squares);
    }

    static void Accumulate(double[] sums, int at, Vector512<double> values)
    {
        ref double start = ref MemoryMarshal.GetArrayDataReference(sums);
        (Vector512.LoadUnsafe(ref start, (nuint)at) + values).StoreUnsafe(ref start, (nuint)at);
    }
}
