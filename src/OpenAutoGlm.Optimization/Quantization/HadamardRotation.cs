namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// A random orthogonal matrix that is quickly multiplied with: Q = D · (H ⊗ R), where D has random signs on its diagonal, H is the
/// normalised Hadamard matrix of the largest power of two m that divides the size, and R is a random orthogonal
/// matrix of what is left, p = size / m. x · Q costs size · (log₂ m + p) operations. Every row of Q has all its elements at about
/// the same size, so that an outlier in x is spread over all columns.
/// Source: Chee et al. 2023 (QuIP#), Ashkboos et al. 2024 (QuaRot), §4.
/// </summary>
sealed class HadamardRotation
{
    readonly double[] _signs;
    readonly double[] _rest; // R: [p, p]
    readonly int _p;

    public HadamardRotation(int size, int seed)
    {
        int power = size & -size;
        _p = size / power;
        Random random = new(seed);
        _signs = [.. Enumerable.Range(0, size).Select(_ => random.Next(2) == 0 ? 1.0 : -1)];
        _rest = Orthogonal(_p, random);
        Size = size;
    }

    /// <summary>Rows and columns of Q.</summary>
    public int Size { get; }

    /// <summary>x · Q, in place.</summary>
    public void Apply(Span<double> x)
    {
        for (int i = 0; i < Size; i++)
        {
            x[i] *= _signs[i];
        }

        for (int half = _p; half < Size; half *= 2)
        {
            for (int start = 0; start < Size; start += 2 * half)
            {
                for (int i = start; i < start + half; i++)
                {
                    (x[i], x[i + half]) = (x[i] + x[i + half], x[i] - x[i + half]);
                }
            }
        }

        double norm = 1 / Math.Sqrt(Size / _p);
        Span<double> mixed = stackalloc double[_p <= 512 ? _p : 0];
        mixed = _p <= 512 ? mixed : new double[_p];
        for (int start = 0; start < Size; start += _p)
        {
            Span<double> run = x.Slice(start, _p);
            mixed.Clear();
            for (int i = 0; i < _p; i++)
            {
                for (int j = 0; j < _p; j++)
                {
                    mixed[j] += run[i] * norm * _rest[(i * _p) + j];
                }
            }

            mixed.CopyTo(run);
        }
    }

    /// <summary>Normal numbers, made orthogonal row by row, twice for the digits (Giraud et al. 2005).</summary>
    static double[] Orthogonal(int n, Random random)
    {
        double[] q = new double[n * n];
        for (int row = 0; row < n; row++)
        {
            Span<double> mine = q.AsSpan(row * n, n);
            foreach (ref double value in mine)
            {
                value = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            }

            for (int other = 0; other < 2 * row; other++)
            {
                Span<double> earlier = q.AsSpan(other % row * n, n);
                double along = 0;
                for (int i = 0; i < n; i++)
                {
                    along += mine[i] * earlier[i];
                }

                for (int i = 0; i < n; i++)
                {
                    mine[i] -= along * earlier[i];
                }
            }

            double length = 0;
            foreach (double value in mine)
            {
                length += value * value;
            }

            foreach (ref double value in mine)
            {
                value /= Math.Sqrt(length);
            }
        }

        return q;
    }
}
