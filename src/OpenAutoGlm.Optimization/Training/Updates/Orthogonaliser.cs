using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>
/// Brings a matrix near U·Vᵀ of its singular value decomposition U·S·Vᵀ by five steps X ← aX + (bA + cA²)X with A = XXᵀ,
/// from X divided by its Frobenius norm. All singular values end between about 0.7 and 1.2, which is as good here as 1.
/// Source: Jordan et al. 2024 (the coefficients); Björck &amp; Bowie 1971 (the iteration).
/// </summary>
sealed class Orthogonaliser(int threads)
{
    const int Steps = 5;
    const float A = 3.4445f;
    const float B = -4.7750f;
    const float C = 2.0315f;

    readonly ParallelOptions _parallel = new() { MaxDegreeOfParallelism = threads };
    float[] _x = [];
    float[] _next = [];
    float[] _gram = [];
    float[] _mixed = [];

    /// <summary>Replaces a matrix [rows, columns] in place.</summary>
    public void Apply(float[] matrix, int rows, int columns)
    {
        // The Gram matrix is taken of the short side.
        (int m, int n) = (Math.Min(rows, columns), Math.Max(rows, columns));
        Reserve(m, n);
        double norm = Math.Sqrt(ParameterPieces.SumOfSquares(matrix.AsSpan(0, rows * columns)));
        float scale = (float)(1 / Math.Max(norm, 1e-20));
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                _x[rows <= columns ? (r * n) + c : (c * n) + r] = matrix[(r * columns) + c] * scale;
            }
        }

        for (int step = 0; step < Steps; step++)
        {
            TimesTransposed(_x, m, n, _gram); // A
            Times(_gram, _gram, m, m, m, _mixed); // A²
            for (int i = 0; i < m * m; i++)
            {
                _mixed[i] = (B * _gram[i]) + (C * _mixed[i]);
            }

            Times(_mixed, _x, m, m, n, _next);
            for (int i = 0; i < m * n; i++)
            {
                _x[i] = (A * _x[i]) + _next[i];
            }
        }

        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                matrix[(r * columns) + c] = _x[rows <= columns ? (r * n) + c : (c * n) + r];
            }
        }
    }

    void Reserve(int m, int n)
    {
        if (_x.Length < m * n)
        {
            (_x, _next) = (new float[m * n], new float[m * n]);
        }

        if (_gram.Length < m * m)
        {
            (_gram, _mixed) = (new float[m * m], new float[m * m]);
        }
    }

    /// <summary>x·xᵀ: [m, n] → [m, m].</summary>
    void TimesTransposed(float[] x, int m, int n, float[] result) => Parallel.For(0, m, _parallel, i =>
    {
        ReadOnlySpan<float> left = x.AsSpan(i * n, n);
        for (int j = 0; j < m; j++)
        {
            result[(i * m) + j] = Dot(left, x.AsSpan(j * n, n));
        }
    });

    /// <summary>a·b: [m, k] · [k, n] → [m, n], four rows of b at a time.</summary>
    void Times(float[] a, float[] b, int m, int k, int n, float[] result) => Parallel.For(0, m, _parallel, i =>
    {
        Span<float> row = result.AsSpan(i * n, n);
        row.Clear();
        int p = 0;
        for (; p + 4 <= k; p += 4)
        {
            AddFour(a.AsSpan((i * k) + p, 4), b.AsSpan(p * n, 4 * n), row);
        }

        for (; p < k; p++)
        {
            float factor = a[(i * k) + p];
            ReadOnlySpan<float> other = b.AsSpan(p * n, n);
            for (int j = 0; j < n; j++)
            {
                row[j] += factor * other[j];
            }
        }
    });

    static void AddFour(ReadOnlySpan<float> factors, ReadOnlySpan<float> rows, Span<float> sum)
    {
        int n = sum.Length;
        Span<Vector512<float>> wide = MemoryMarshal.Cast<float, Vector512<float>>(sum);
        ReadOnlySpan<Vector512<float>> r0 = MemoryMarshal.Cast<float, Vector512<float>>(rows[..n]);
        ReadOnlySpan<Vector512<float>> r1 = MemoryMarshal.Cast<float, Vector512<float>>(rows.Slice(n, n));
        ReadOnlySpan<Vector512<float>> r2 = MemoryMarshal.Cast<float, Vector512<float>>(rows.Slice(2 * n, n));
        ReadOnlySpan<Vector512<float>> r3 = MemoryMarshal.Cast<float, Vector512<float>>(rows.Slice(3 * n, n));
        (float f0, float f1, float f2, float f3) = (factors[0], factors[1], factors[2], factors[3]);
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] += (r0[i] * f0) + (r1[i] * f1) + (r2[i] * f2) + (r3[i] * f3);
        }

        for (int j = wide.Length * Vector512<float>.Count; j < n; j++)
        {
            sum[j] += (rows[j] * f0) + (rows[n + j] * f1) + (rows[(2 * n) + j] * f2) + (rows[(3 * n) + j] * f3);
        }
    }

    static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ReadOnlySpan<Vector512<float>> wideA = MemoryMarshal.Cast<float, Vector512<float>>(a);
        ReadOnlySpan<Vector512<float>> wideB = MemoryMarshal.Cast<float, Vector512<float>>(b);
        Vector512<float> sum = default;
        for (int i = 0; i < wideA.Length; i++)
        {
            sum = Vector512.FusedMultiplyAdd(wideA[i], wideB[i], sum);
        }

        float total = Vector512.Sum(sum);
        for (int i = wideA.Length * Vector512<float>.Count; i < a.Length; i++)
        {
            total += a[i] * b[i];
        }

        return total;
    }
}
