using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// Every value to its nearest code, after a search for the scales that lose least within each block
/// (<see cref="BlockFormat.Quantize"/>). Knows nothing of what the weight is multiplied with.
/// </summary>
public sealed record Nearest : RoundingMethod
{
    /// <inheritdoc/>
    public override string Name => "nearest";

    /// <inheritdoc/>
    public override bool UsesStatistics => false;

    private protected override RowRounding Prepare(BlockFormat format, int columns, ColumnStatistics? statistics) =>
        (rows, blocks) => format.Quantize(rows, [], blocks);
}
