namespace OpenAutoGlm.Optimization.Pruning;

public sealed class RankCorrelationTests
{
    [Fact]
    public void Only_the_order_counts()
    {
        Assert.Equal(1, RankCorrelation.Spearman([1, 2, 3, 4], [0.1, 7, 8, 1e9]), 1e-12);
        Assert.Equal(-1, RankCorrelation.Spearman([1, 2, 3, 4], [4, 3, 2, -1]), 1e-12);
        Assert.Equal(0, RankCorrelation.Spearman([1, 2, 3], [5, 5, 5]));
    }

    [Fact]
    public void Equal_numbers_share_their_rank()
    {
        // Ranks 0.5, 0.5, 2 and 0, 1, 2: covariance 1.5 over √(1.5 · 2).
        Assert.Equal(1.5 / Math.Sqrt(3), RankCorrelation.Spearman([1, 1, 2], [1, 2, 3]), 1e-12);
        Assert.Throws<ArgumentException>(() => RankCorrelation.Spearman([1, 2], [1]));
    }

    [Fact]
    public void A_positive_definite_system_is_solved_and_inverted()
    {
        Random random = new(2);
        double[,] matrix = new double[7, 7];
        double[][] rows = [.. Enumerable.Range(0, 9).Select(_ => Enumerable.Range(0, 7).Select(_ => random.NextDouble() - 0.5).ToArray())];
        for (int i = 0; i < 7; i++)
        {
            for (int j = 0; j < 7; j++)
            {
                matrix[i, j] = rows.Sum(row => row[i] * row[j]) + (i == j ? 0.1 : 0);
            }
        }

        double[] x = LinearSystem.Solve(matrix, [1, 2, 3, 4, 5, 6, 7]);
        double[,] inverse = LinearSystem.Invert(matrix);
        for (int i = 0; i < 7; i++)
        {
            Assert.Equal(i + 1, Enumerable.Range(0, 7).Sum(j => matrix[i, j] * x[j]), 1e-9);
            for (int j = 0; j < 7; j++)
            {
                Assert.Equal(i == j ? 1 : 0, Enumerable.Range(0, 7).Sum(k => matrix[i, k] * inverse[k, j]), 1e-9);
            }
        }

        Assert.Throws<ArgumentException>(() => LinearSystem.Factor(new double[2, 2]));
    }
}
