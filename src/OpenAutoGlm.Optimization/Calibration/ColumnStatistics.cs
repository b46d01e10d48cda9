using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// What the activations x that a weight is multiplied with were like, column by column: x: [rows, columns], where a column meets
/// a column of the weight [out, columns].
/// </summary>
public sealed class ColumnStatistics
{
    readonly double[] _sums;
    readonly double[] _absSums;
    readonly double[] _squareSums;
    float[]? _mean;
    float[]? _meanAbs;
    float[]? _meanSquare;

    internal ColumnStatistics(long rows, double[] sums, double[] absSums, double[] squareSums, float[] max, MagnitudeHistogram histogram, double[]? gram, ImmutableArray<ColumnStatistics> experts)
    {
        Rows = rows;
        _sums = sums;
        _absSums = absSums;
        _squareSums = squareSums;
        Max = max;
        Histogram = histogram;
        Gram = gram;
        Experts = experts;
    }

    /// <summary>Columns of x and of the weight.</summary>
    public int Columns => Max.Length;

    /// <summary>Rows that were seen; 0 for an expert that no token chose, whose numbers are all 0.</summary>
    public long Rows { get; }

    /// <summary>Mean of x: [columns].</summary>
    public float[] Mean => _mean ??= Divided(_sums);

    /// <summary>Mean of |x|: [columns].</summary>
    public float[] MeanAbs => _meanAbs ??= Divided(_absSums);

    /// <summary>Mean of x², the diagonal of the Hessian of the product's squared error: [columns].</summary>
    public float[] MeanSquare => _meanSquare ??= Divided(_squareSums);

    /// <summary>Largest |x|: [columns].</summary>
    public float[] Max { get; }

    /// <summary>XᵀX / rows: [columns, columns], symmetric; null where it was not asked for.</summary>
    public double[]? Gram { get; }

    /// <summary>How large the elements of x were, all columns together.</summary>
    public MagnitudeHistogram Histogram { get; }

    /// <summary>
    /// For the experts of a weight [experts, out, columns]: what each saw, in order, while the numbers here are those of all rows,
    /// a row counted once for every expert that it was sent to. Empty for a matrix.
    /// </summary>
    public ImmutableArray<ColumnStatistics> Experts { get; }

    internal ReadOnlySpan<double> Sums => _sums;

    internal ReadOnlySpan<double> AbsSums => _absSums;

    internal ReadOnlySpan<double> SquareSums => _squareSums;

    /// <summary>The statistics of the rows of both. A Gram matrix is kept where both have one.</summary>
    /// <exception cref="ArgumentException">They differ in columns or experts.</exception>
    public static ColumnStatistics Merge(ColumnStatistics a, ColumnStatistics b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Columns != b.Columns || a.Experts.Length != b.Experts.Length)
        {
            throw new ArgumentException($"Statistics of {a.Columns} columns and {a.Experts.Length} experts cannot be merged with those of {b.Columns} columns and {b.Experts.Length} experts.");
        }

        MagnitudeHistogram histogram = new();
        histogram.Add(a.Histogram);
        histogram.Add(b.Histogram);
        return new ColumnStatistics(
            a.Rows + b.Rows,
            Added(a._sums, b._sums),
            Added(a._absSums, b._absSums),
            Added(a._squareSums, b._squareSums),
            [.. a.Max.Zip(b.Max, Math.Max)],
            histogram,
            MergedGram(a, b),
            [.. a.Experts.Zip(b.Experts, Merge)]);
    }

    /// <summary>All experts' rows together.</summary>
    internal static ColumnStatistics OfExperts(ImmutableArray<ColumnStatistics> experts)
    {
        ColumnStatistics all = experts.Skip(1).Aggregate(experts[0], Merge);
        return new ColumnStatistics(all.Rows, all._sums, all._absSums, all._squareSums, all.Max, all.Histogram, all.Gram, experts);
    }

    static double[]? MergedGram(ColumnStatistics a, ColumnStatistics b)
    {
        if (a.Gram is null || b.Gram is null)
        {
            return null;
        }

        double rows = Math.Max(1, a.Rows + b.Rows);
        (double ofA, double ofB) = (a.Rows / rows, b.Rows / rows);
        double[] gram = new double[a.Gram.Length];
        for (int i = 0; i < gram.Length; i++)
        {
            gram[i] = (a.Gram[i] * ofA) + (b.Gram[i] * ofB);
        }

        return gram;
    }

    static double[] Added(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    float[] Divided(double[] sums) => [.. sums.Select(sum => (float)(sum / Math.Max(1, Rows)))];
}
