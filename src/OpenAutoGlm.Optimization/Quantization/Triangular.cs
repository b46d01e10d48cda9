using System.Runtime.Intrinsics;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// Factors of symmetric positive definite matrices in float64, row-major, on all cores. Sums run in one order whatever the
/// number of threads, so that equal matrices have equal factors.
/// </summary>
static class Triangular
{
    const int Panel = 64;
    const int Strip = 32;

    /// <summary>
    /// Replaces the lower triangle of a matrix A [n, n] by L with A = L Lᵀ; above the diagonal everything stays as it was.
    /// Source: Golub and Van Loan, Matrix Computations, §4.2.
    /// </summary>
    /// <returns>Whether A is positive definite: every pivot above <paramref name="leastPivot"/>. If not, A is left half done.</returns>
    public static bool Factor(double[] a, int n, double leastPivot, ParallelOptions options)
    {
        for (int first = 0; first < n; first += Panel)
        {
            int start = first, end = Math.Min(first + Panel, n);
            for (int i = start; i < end; i++)
            {
                Reduce(a, n, i, start, i + 1);
                if (!Solve(a, n, i, start, i + 1, leastPivot))
                {
                    return false;
                }
            }

            Parallel.For(end, n, options, i =>
            {
                Reduce(a, n, i, start, end);
                Solve(a, n, i, start, end, leastPivot);
            });
        }

        return true;
    }

    /// <summary>
    /// The inverse of a lower triangular L [n, n], turned by 180°: element [n − 1 − i, n − 1 − j] is L⁻¹[i, j], which is upper
    /// triangular.
    /// </summary>
    public static float[] InvertTurned(double[] l, int n, ParallelOptions options)
    {
        float[] upper = new float[checked(n * n)];
        Parallel.For(0, (n + Strip - 1) / Strip, options, strip =>
        {
            int first = strip * Strip, width = Math.Min(Strip, n - first);
            double[] columns = new double[(n - first) * Strip]; // [n − first, Strip]: columns first … of the inverse
            Span<double> sum = stackalloc double[Strip];
            for (int i = first; i < n; i++)
            {
                Combine(l.AsSpan((i * n) + first, i - first), columns, sum);
                double inverse = 1 / l[(i * n) + i];
                for (int j = 0; j < width; j++)
                {
                    double value = ((i == first + j ? 1 : 0) - sum[j]) * inverse;
                    columns[((i - first) * Strip) + j] = value;
                    upper[((n - 1 - i) * n) + n - 1 - (first + j)] = first + j <= i ? (float)value : 0;
                }
            }
        });
        return upper;
    }

    /// <summary>sum = Σ factors[p] · columns[p, :].</summary>
    static void Combine(ReadOnlySpan<double> factors, ReadOnlySpan<double> columns, Span<double> sum)
    {
        for (int lane = 0; lane < Strip; lane += 16)
        {
            Vector256<double> a = default, b = default, c = default, d = default;
            for (int p = 0; p < factors.Length; p++)
            {
                var factor = Vector256.Create(factors[p]);
                ReadOnlySpan<double> row = columns.Slice((p * Strip) + lane, 16);
                a += factor * Vector256.Create(row);
                b += factor * Vector256.Create(row[4..]);
                c += factor * Vector256.Create(row[8..]);
                d += factor * Vector256.Create(row[12..]);
            }

            a.CopyTo(sum[lane..]);
            b.CopyTo(sum[(lane + 4)..]);
            c.CopyTo(sum[(lane + 8)..]);
            d.CopyTo(sum[(lane + 12)..]);
        }
    }

    /// <summary>A[i, j] −= Σ over p below start of L[i, p] · L[j, p], for j from start to end.</summary>
    static void Reduce(double[] a, int n, int i, int start, int end)
    {
        ReadOnlySpan<double> row = a.AsSpan(i * n, start);
        for (int j = start; j < end; j++)
        {
            a[(i * n) + j] -= Dot(row, a.AsSpan(j * n, start));
        }
    }

    /// <summary>L[i, start … end] from A[i, …] and the rows of the panel above; for i in the panel the last is the pivot.</summary>
    static bool Solve(double[] a, int n, int i, int start, int end, double leastPivot)
    {
        Span<double> row = a.AsSpan(i * n, n);
        for (int j = start; j < end; j++)
        {
            double rest = row[j] - Dot(row[start..j], a.AsSpan((j * n) + start, j - start));
            if (i == j)
            {
                if (!(rest > leastPivot))
                {
                    return false;
                }

                row[j] = Math.Sqrt(rest);
            }
            else
            {
                row[j] = rest / a[(j * n) + j];
            }
        }

        return true;
    }

    static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        Vector256<double> a = default, b = default, c = default, d = default;
        int p = 0;
        for (; p <= x.Length - 16; p += 16)
        {
            ReadOnlySpan<double> left = x.Slice(p, 16), right = y.Slice(p, 16);
            a += Vector256.Create(left) * Vector256.Create(right);
            b += Vector256.Create(left[4..]) * Vector256.Create(right[4..]);
            c += Vector256.Create(left[8..]) * Vector256.Create(right[8..]);
            d += Vector256.Create(left[12..]) * Vector256.Create(right[12..]);
        }

        Vector256<double> lanes = (a + b) + (c + d);
        double sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
        for (; p < x.Length; p++)
        {
            sum += x[p] * y[p];
        }

        return sum;
    }
}
