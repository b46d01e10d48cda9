namespace OpenAutoGlm.Optimization.Training.Updates;

/// <summary>
/// Brings a matrix near U·Vᵀ of its singular value decomposition U·S·Vᵀ by five steps Y ← Y·(aI + bA + cA²) with A = YᵀY,
/// from Y divided by its Frobenius norm. All singular values end between about 0.7 and 1.2, which is as good here as 1.
/// Y has no fewer rows than columns: it is the matrix or its transpose. Everything lies in panels [rows, 32 columns], as
/// <see cref="PanelProduct"/> reads and writes them. Not thread-safe.
/// Source: Jordan et al. 2024 (the coefficients); Björck &amp; Bowie 1971 (the iteration).
/// </summary>
sealed class Orthogonaliser
{
    const int Steps = 5;
    const float A = 3.4445f;
    const float B = -4.7750f;
    const float C = 2.0315f;
    const int Width = PanelProduct.Columns;

    readonly ParallelOptions _parallel;
    readonly Action<int> _gramBlock;
    readonly Action<int> _factorBlock;
    readonly Action<int> _nextRows;
    float[] _y = [];
    float[] _next = [];
    float[] _gram = [];
    float[] _factor = [];
    int _m; // columns of Y, and rows, both in whole panels
    int _n;

    public Orthogonaliser(int threads)
    {
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        (_gramBlock, _factorBlock, _nextRows) = (GramBlock, FactorBlock, NextRows);
    }

    /// <summary>Replaces a matrix [rows, columns] in place.</summary>
    public void Apply(Span<float> matrix, int rows, int columns)
    {
        (_m, _n) = (Padded(Math.Min(rows, columns)), Padded(Math.Max(rows, columns)));
        Reserve();
        double norm = Math.Sqrt(ParameterPieces.SumOfSquares(matrix[..(rows * columns)]));
        Read(matrix, rows, columns, (float)(1 / Math.Max(norm, 1e-20)));
        int panels = _m / Width;
        for (int step = 0; step < Steps; step++)
        {
            ForEach(panels * (panels + 1) / 2, _gramBlock);
            ForEach(panels * (panels + 1) / 2, _factorBlock);
            ForEach(_n / Width, _nextRows);
            (_y, _next) = (_next, _y);
        }

        Write(matrix, rows, columns);
    }

    static int Padded(int size) => (size + Width - 1) / Width * Width;

    void Reserve()
    {
        if (_y.Length < _m * _n)
        {
            (_y, _next) = (new float[_m * _n], new float[_m * _n]);
        }

        if (_gram.Length < _m * _m)
        {
            (_gram, _factor) = (new float[_m * _m], new float[_m * _m]);
        }
    }

    /// <summary>Y as panels; what lies beyond its edges is zero and stays so.</summary>
    void Read(ReadOnlySpan<float> matrix, int rows, int columns, float scale)
    {
        Array.Clear(_y, 0, _m * _n);
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> row = matrix.Slice(r * columns, columns);
            if (rows < columns)
            {
                int at = (r / Width * _n * Width) + (r % Width);
                for (int c = 0; c < columns; c++)
                {
                    _y[at + (c * Width)] = row[c] * scale;
                }
            }
            else
            {
                for (int c = 0; c < columns; c++)
                {
                    _y[(((c / Width * _n) + r) * Width) + (c % Width)] = row[c] * scale;
                }
            }
        }
    }

    void Write(Span<float> matrix, int rows, int columns)
    {
        for (int r = 0; r < rows; r++)
        {
            Span<float> row = matrix.Slice(r * columns, columns);
            if (rows < columns)
            {
                int at = (r / Width * _n * Width) + (r % Width);
                for (int c = 0; c < columns; c++)
                {
                    row[c] = _y[at + (c * Width)];
                }
            }
            else
            {
                for (int c = 0; c < columns; c += Width)
                {
                    int count = Math.Min(Width, columns - c);
                    _y.AsSpan(((c / Width * _n) + r) * Width, count).CopyTo(row[c..]);
                }
            }
        }
    }

    /// <summary>32 × 32 elements of A = YᵀY and their mirror image.</summary>
    void GramBlock(int index)
    {
        (int i, int j) = Block(index);
        PanelProduct.Transposed(_y.AsSpan(i * _n * Width, _n * Width), _y.AsSpan(j * _n * Width, _n * Width), At(_gram, i, j));
        Mirror(_gram, i, j);
    }

    /// <summary>32 × 32 elements of aI + bA + cA² and their mirror image; A is its own transpose.</summary>
    void FactorBlock(int index)
    {
        (int i, int j) = Block(index);
        Span<float> block = At(_factor, i, j);
        PanelProduct.Transposed(_gram.AsSpan(i * _m * Width, _m * Width), _gram.AsSpan(j * _m * Width, _m * Width), block);
        Span<float> gram = At(_gram, i, j);
        for (int at = 0; at < block.Length; at++)
        {
            block[at] = (B * gram[at]) + (C * block[at]);
        }

        for (int at = 0; i == j && at < Width; at++)
        {
            block[at * (Width + 1)] += A;
        }

        Mirror(_factor, i, j);
    }

    /// <summary>32 rows of Y·(aI + bA + cA²).</summary>
    void NextRows(int block)
    {
        for (int j = 0; j < _m / Width; j++)
        {
            Span<float> result = _next.AsSpan(((j * _n) + (block * Width)) * Width, Width * Width);
            result.Clear();
            for (int k = 0; k < _m / Width; k++)
            {
                ReadOnlySpan<float> left = _y.AsSpan(((k * _n) + (block * Width)) * Width, Width * Width);
                PanelProduct.Add(left, At(_factor, k, j), result);
            }
        }
    }

    /// <summary>Block (i, j) of a square matrix in panels.</summary>
    Span<float> At(float[] square, int i, int j) => square.AsSpan(((j * _m) + (i * Width)) * Width, Width * Width);

    /// <summary>The pairs i ≤ j in order: (0, 0), (0, 1), (1, 1), (0, 2) …</summary>
    static (int I, int J) Block(int index)
    {
        int j = 0;
        for (; index > j; j++)
        {
            index -= j + 1;
        }

        return (index, j);
    }

    void Mirror(float[] square, int i, int j)
    {
        if (i == j)
        {
            return;
        }

        ReadOnlySpan<float> from = At(square, i, j);
        Span<float> to = At(square, j, i);
        for (int row = 0; row < Width; row++)
        {
            Span<float> line = to.Slice(row * Width, Width);
            ReadOnlySpan<float> column = from[row..];
            for (int at = 0; at < line.Length; at++)
            {
                line[at] = column[at * Width];
            }
        }
    }

    void ForEach(int count, Action<int> work)
    {
        if (_parallel.MaxDegreeOfParallelism == 1)
        {
            for (int i = 0; i < count; i++)
            {
                work(i);
            }

            return;
        }

        Parallel.For(0, count, _parallel, work);
    }
}
