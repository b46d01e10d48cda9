using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// As <see cref="Nearest"/>, but the scales are searched with every column's squared error weighted by the mean square of
/// what it is multiplied with, E[x²]: the diagonal of the Hessian of the output error ‖X(W − Ŵ)ᵀ‖². Columns that are
/// nearly always zero give their accuracy to the others. Without statistics it is nearest rounding.
/// Source: LeCun, Denker, Solla 1989 (the diagonal); the "importance matrix" of llama.cpp is the same quantity.
/// </summary>
public sealed record ImportanceWeighted : RoundingMethod
{
    /// <inheritdoc/>
    public override string Name => "importance";

    private protected override RowRounding Prepare(BlockFormat format, int columns, ColumnStatistics? statistics)
    {
        float[] importance = statistics is null ? [] : statistics.MeanSquare;
        return (rows, blocks) => format.Quantize(rows, importance, blocks);
    }
}
