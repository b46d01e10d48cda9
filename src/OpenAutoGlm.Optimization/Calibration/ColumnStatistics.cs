namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>What is known of the rows that a weight [out, in] was multiplied with, column by column.</summary>
public sealed class ColumnStatistics
{
    /// <summary>Length of the rows: the weight's last extent.</summary>
    public required int Columns { get; init; }

    /// <summary>Rows seen.</summary>
    public required long Rows { get; init; }

    /// <summary>Mean of x²: [columns].</summary>
    public required float[] MeanSquare { get; init; }

    /// <summary>Mean of |x|: [columns].</summary>
    public required float[] MeanAbs { get; init; }

    /// <summary>Largest |x|: [columns].</summary>
    public required float[] Max { get; init; }

    /// <summary>XᵀX / rows: [columns, columns]; null where it was not asked for.</summary>
    public double[]? Gram { get; init; }
}
