using System.Collections.Immutable;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// What is known of the rows x that a weight [out, columns] was multiplied with, column by column. <see cref="ColumnSums"/> gathers
/// it.
/// </summary>
public sealed class ColumnStatistics
{
    /// <summary>Length of the rows: the weight's last extent.</summary>
    public required int Columns { get; init; }

    /// <summary>Rows seen; 0 for an expert that no token was sent to, whose numbers are all 0.</summary>
    public required long Rows { get; init; }

    /// <summary>Mean of x², the diagonal of <see cref="Gram"/>: [columns].</summary>
    public required float[] MeanSquare { get; init; }

    /// <summary>Mean of |x|: [columns].</summary>
    public required float[] MeanAbs { get; init; }

    /// <summary>Largest |x|: [columns].</summary>
    public required float[] Max { get; init; }

    /// <summary>Mean of x: [columns]; empty where nobody gathered it.</summary>
    public float[] Mean { get; init; } = [];

    /// <summary>XᵀX / rows, the Hessian of the product's squared error up to a factor: [columns, columns], symmetric; null where it was not asked for.</summary>
    public double[]? Gram { get; init; }

    /// <summary>How large the elements of x were, all columns together; empty where nobody counted.</summary>
    public MagnitudeHistogram Histogram { get; init; } = new();

    /// <summary>
    /// For the experts of a weight [experts, out, columns]: what each saw, in order, while the numbers here are those of all rows,
    /// a row counted once for every expert that it was sent to. Empty for a matrix.
    /// </summary>
    public ImmutableArray<ColumnStatistics> Experts { get; init; } = [];
}
