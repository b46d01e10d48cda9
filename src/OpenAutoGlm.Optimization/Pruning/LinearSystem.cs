namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>Symmetric positive definite systems, by Cholesky's factorisation in float64.</summary>
static class LinearSystem
{
    /// <summary>The lower factor L with A = L·Lᵀ, in place of a new array.</summary>
    /// <exception cref="ArgumentException">The matrix is not positive definite.</exception>
    public static double[,] Factor(double[,] matrix)
    {
        int n = matrix.GetLength(0);
        double[,] lower = new double[n, n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = matrix[i, j];
                for (int k = 0; k < j; k++)
                {
                    sum -= lower[i, k] * lower[j, k];
                }

                if (i != j)
                {
                    lower[i, j] = sum / lower[j, j];
                }
                else
                {
                    lower[i, i] = sum > 0 ? Math.Sqrt(sum) : throw new ArgumentException($"The matrix is not positive definite: pivot {i} is {sum}.", nameof(matrix));
                }
            }
        }

        return lower;
    }

    /// <summary>x with A·x = b.</summary>
    public static double[] Solve(double[,] matrix, double[] right)
    {
        int n = right.Length;
        double[,] lower = Factor(matrix);
        double[] x = (double[])right.Clone();
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < i; k++)
            {
                x[i] -= lower[i, k] * x[k];
            }

            x[i] /= lower[i, i];
        }

        for (int i = n - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < n; k++)
            {
                x[i] -= lower[k, i] * x[k];
            }

            x[i] /= lower[i, i];
        }

        return x;
    }

    /// <summary>The inverse.</summary>
    public static double[,] Invert(double[,] matrix)
    {
        int n = matrix.GetLength(0);
        double[,] lower = Factor(matrix);
        double[,] half = new double[n, n]; // L⁻¹
        for (int column = 0; column < n; column++)
        {
            half[column, column] = 1 / lower[column, column];
            for (int i = column + 1; i < n; i++)
            {
                double sum = 0;
                for (int k = column; k < i; k++)
                {
                    sum -= lower[i, k] * half[k, column];
                }

                half[i, column] = sum / lower[i, i];
            }
        }

        double[,] inverse = new double[n, n]; // L⁻ᵀ·L⁻¹
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = 0;
                for (int k = i; k < n; k++)
                {
                    sum += half[k, i] * half[k, j];
                }

                inverse[i, j] = sum;
                inverse[j, i] = sum;
            }
        }

        return inverse;
    }
}
