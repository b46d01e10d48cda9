using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// XᵀX as a running sum in float64. Only the upper triangle is computed: four rows of it at a time meet sixteen columns, whose
/// sums stay in registers while a panel of X goes by. Every element is summed over the rows of X in order, so neither
/// blocks nor threads change a bit.
/// </summary>
sealed class GramSum
{
    const int Lanes = 8;
    const int TileRows = 4;
    const int TileColumns = 2 * Lanes;
    const int PanelRows = 64;

    readonly int _columns;
    readonly int _stride; // columns, up to a whole tile
    readonly double[] _sums; // [stride, stride], the part on and above the diagonal
    readonly double[] _panel; // [panelRows, stride]

    internal GramSum(int columns)
    {
        _columns = columns;
        _stride = (columns + TileColumns - 1) / TileColumns * TileColumns;
        _sums = new double[checked((long)_stride * _stride)];
        _panel = new double[PanelRows * _stride];
    }

    /// <summary>Adds rows: [count, columns].</summary>
    internal void Add(ReadOnlySpan<float> rows, int threads)
    {
        int count = rows.Length / _columns;
        for (int start = 0; start < count; start += PanelRows)
        {
            int height = Math.Min(PanelRows, count - start);
            for (int r = 0; r < height; r++)
            {
                ReadOnlySpan<float> row = rows.Slice((start + r) * _columns, _columns);
                Span<double> wide = _panel.AsSpan(r * _stride, _columns);
                for (int i = 0; i < row.Length; i++)
                {
                    wide[i] = row[i];
                }
            }

            AddPanel(height, threads);
        }
    }

    /// <summary>Adds another sum of as many columns.</summary>
    internal void Add(GramSum other)
    {
        for (long i = 0; i < _sums.LongLength; i++)
        {
            _sums[i] += other._sums[i];
        }
    }

    /// <summary>The mean over rows, both triangles: [columns, columns].</summary>
    internal double[] Mean(long rows)
    {
        double[] mean = new double[(long)_columns * _columns];
        double share = 1.0 / Math.Max(1, rows);
        for (int i = 0; i < _columns; i++)
        {
            for (int j = i; j < _columns; j++)
            {
                double value = _sums[At(i, j)] * share;
                mean[((long)i * _columns) + j] = value;
                mean[((long)j * _columns) + i] = value;
            }
        }

        return mean;
    }

    /// <summary>Writes the part on and above the diagonal.</summary>
    internal void Write(BinaryWriter writer)
    {
        for (int i = 0; i < _columns; i++)
        {
            for (int j = i; j < _columns; j++)
            {
                writer.Write(_sums[At(i, j)]);
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> has written.</summary>
    internal void Read(BinaryReader reader)
    {
        for (int i = 0; i < _columns; i++)
        {
            for (int j = i; j < _columns; j++)
            {
                _sums[At(i, j)] = reader.ReadDouble();
            }
        }
    }

    long At(int i, int j) => ((long)i * _stride) + j;

    void AddPanel(int height, int threads)
    {
        int tiles = _stride / TileRows;
        if (threads <= 1 || (long)_stride * _stride * height < 1 << 20)
        {
            for (int tile = 0; tile < tiles; tile++)
            {
                AddTileRow(tile * TileRows, height);
            }
        }
        else
        {
            Parallel.For(0, tiles, new ParallelOptions { MaxDegreeOfParallelism = threads }, tile => AddTileRow(tile * TileRows, height));
        }
    }

    void AddTileRow(int i, int height)
    {
        ref double panel = ref MemoryMarshal.GetArrayDataReference(_panel);
        for (int j = i / TileColumns * TileColumns; j < _stride; j += TileColumns)
        {
            ref double sums = ref _sums[At(i, j)];
            nuint stride = (nuint)_stride;
            Vector512<double> s00 = Vector512.LoadUnsafe(ref sums), s01 = Vector512.LoadUnsafe(ref sums, Lanes);
            Vector512<double> s10 = Vector512.LoadUnsafe(ref sums, stride), s11 = Vector512.LoadUnsafe(ref sums, stride + Lanes);
            Vector512<double> s20 = Vector512.LoadUnsafe(ref sums, 2 * stride), s21 = Vector512.LoadUnsafe(ref sums, (2 * stride) + Lanes);
            Vector512<double> s30 = Vector512.LoadUnsafe(ref sums, 3 * stride), s31 = Vector512.LoadUnsafe(ref sums, (3 * stride) + Lanes);
            for (int r = 0; r < height; r++)
            {
                nuint at = (nuint)r * stride;
                Vector512<double> right0 = Vector512.LoadUnsafe(ref panel, at + (nuint)j);
                Vector512<double> right1 = Vector512.LoadUnsafe(ref panel, at + (nuint)j + Lanes);
                int left = (r * _stride) + i;
                Vector512<double> l0 = Vector512.Create(_panel[left]);
                Vector512<double> l1 = Vector512.Create(_panel[left + 1]);
                Vector512<double> l2 = Vector512.Create(_panel[left + 2]);
                Vector512<double> l3 = Vector512.Create(_panel[left + 3]);
                s00 = Vector512.FusedMultiplyAdd(l0, right0, s00);
                s01 = Vector512.FusedMultiplyAdd(l0, right1, s01);
                s10 = Vector512.FusedMultiplyAdd(l1, right0, s10);
                s11 = Vector512.FusedMultiplyAdd(l1, right1, s11);
                s20 = Vector512.FusedMultiplyAdd(l2, right0, s20);
                s21 = Vector512.FusedMultiplyAdd(l2, right1, s21);
                s30 = Vector512.FusedMultiplyAdd(l3, right0, s30);
                s31 = Vector512.FusedMultiplyAdd(l3, right1, s31);
            }

            s00.StoreUnsafe(ref sums);
            s01.StoreUnsafe(ref sums, Lanes);
            s10.StoreUnsafe(ref sums, stride);
            s11.StoreUnsafe(ref sums, stride + Lanes);
            s20.StoreUnsafe(ref sums, 2 * stride);
            s21.StoreUnsafe(ref sums, (2 * stride) + Lanes);
            s30.StoreUnsafe(ref sums, 3 * stride);
            s31.StoreUnsafe(ref sums, (3 * stride) + Lanes);
        }
    }
}
