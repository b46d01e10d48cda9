using FsCheck;
using FsCheck.Fluent;

namespace OpenAutoGlm.Optimization.Calibration;

public sealed class ColumnSumsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 3)]
    [InlineData(16, 64)]
    [InlineData(33, 130)]
    [InlineData(64, 65)]
    public void Sums_equal_a_direct_computation(int columns, int rows)
    {
        float[] x = Random(columns * rows, seed: columns);
        ColumnStatistics statistics = Of(x, columns);
        for (int j = 0; j < columns; j++)
        {
            double[] column = [.. Enumerable.Range(0, rows).Select(r => (double)x[(r * columns) + j])];
            Assert.Equal(column.Average(), statistics.Mean[j], 1e-6);
            Assert.Equal(column.Average(Math.Abs), statistics.MeanAbs[j], 1e-6);
            Assert.Equal(column.Average(value => value * value), statistics.MeanSquare[j], 1e-5);
            Assert.Equal((float)column.Max(Math.Abs), statistics.Max[j]);
            for (int i = 0; i < columns; i++)
            {
                double product = Enumerable.Range(0, rows).Average(r => (double)x[(r * columns) + i] * x[(r * columns) + j]);
                Assert.Equal(product, statistics.Gram![(i * columns) + j], 1e-10);
            }
        }

        Assert.Equal(rows, statistics.Rows);
        Assert.Equal(x.Length, statistics.Histogram.Total);
    }

    [Fact]
    public void Two_halves_merged_are_the_whole_and_so_is_a_sum_that_goes_on()
    {
        Prop.ForAll(Gen.Choose(1, 20).ToArbitrary(), Gen.Choose(0, 30).ToArbitrary(), Gen.Choose(1, 30).ToArbitrary(), (columns, first, second) =>
        {
            float[] x = Random(columns * (first + second), seed: (first * 100) + second);
            int cut = columns * first;
            ColumnSums whole = Sums(x, columns);
            ColumnSums merged = Sums(x.AsSpan(0, cut), columns);
            merged.Add(Sums(x.AsSpan(cut), columns));
            ColumnSums continued = Sums(x.AsSpan(0, cut), columns);
            continued.Add(x.AsSpan(cut));
            return Near(whole.ToStatistics(), merged.ToStatistics()) && Near(whole.ToStatistics(), continued.ToStatistics());
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_Gram_matrix_is_symmetric_and_positive_semidefinite_and_the_same_with_any_number_of_threads()
    {
        const int Columns = 150;
        float[] x = Random(Columns * 70, seed: 5);
        double[] gram = Of(x, Columns).Gram!;
        Random random = new(6);
        for (int trial = 0; trial < 50; trial++)
        {
            double[] v = [.. Enumerable.Range(0, Columns).Select(_ => random.NextDouble() - 0.5)];
            double form = 0;
            for (int i = 0; i < Columns; i++)
            {
                for (int j = 0; j < Columns; j++)
                {
                    form += v[i] * gram[(i * Columns) + j] * v[j];
                    Assert.Equal(gram[(i * Columns) + j], gram[(j * Columns) + i]);
                }
            }

            Assert.True(form >= -1e-9);
        }

        ColumnSums parallel = new(Columns, withGram: true);
        parallel.Add(x, threads: 4);
        Assert.Equal(gram, parallel.ToStatistics().Gram);
    }

    [Fact]
    public void A_number_that_is_none_is_told_at_every_place()
    {
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            for (int at = 0; at < 20; at++)
            {
                float[] row = Random(20, seed: at);
                Assert.True(new ColumnSums(10).Add(row));
                row[at] = bad;
                Assert.False(new ColumnSums(10).Add(row));
            }
        }

        Assert.True(new ColumnSums(1).Add([float.MaxValue]));
        Assert.Throws<ArgumentException>(() => new ColumnSums(3).Add([1, 2]));
    }

    static ColumnStatistics Of(ReadOnlySpan<float> x, int columns) => Sums(x, columns).ToStatistics();

    static ColumnSums Sums(ReadOnlySpan<float> x, int columns)
    {
        ColumnSums sums = new(columns, withGram: true);
        Assert.True(sums.Add(x));
        return sums;
    }

    static bool Near(ColumnStatistics a, ColumnStatistics b) =>
        a.Rows == b.Rows && a.Max.SequenceEqual(b.Max) && a.Histogram.Counts.SequenceEqual(b.Histogram.Counts) && a.Histogram.Max == b.Histogram.Max
        && Near(a.Mean, b.Mean) && Near(a.MeanAbs, b.MeanAbs) && Near(a.MeanSquare, b.MeanSquare)
        && a.Gram!.Zip(b.Gram!).All(pair => Math.Abs(pair.First - pair.Second) < 1e-12);

    static bool Near(float[] a, float[] b) => a.Zip(b).All(pair => Math.Abs(pair.First - pair.Second) < 1e-6f);

    static float[] Random(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 4))];
    }
}
