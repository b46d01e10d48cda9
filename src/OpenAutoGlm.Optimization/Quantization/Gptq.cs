using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// GPTQ: columns are rounded one after another, and the error of each is made good, as far as the inputs are correlated,
/// by changing the columns that are still to come. Minimises the output error ‖X(W − Ŵ)ᵀ‖² instead of the weights' own.
/// Scales are searched when a block is entered, for the values as they then are, each column weighted by what its error
/// costs after all corrections, 1 / U². Without <see cref="ColumnStatistics.Gram"/> it is <see cref="ImportanceWeighted"/>, and
/// for plain formats <see cref="Nearest"/>. Source: Frantar et al. 2022, §3 and Algorithm 1.
/// </summary>
public sealed record Gptq : RoundingMethod
{
    /// <inheritdoc/>
    public override string Name => ActOrder ? "gptq-act-order" : "gptq";

    /// <inheritdoc/>
    public override bool UsesGram => true;

    /// <summary>What is added to the Hessian's diagonal, relative to its mean; grows where that is not enough (<see cref="HessianFactor.Grew"/>).</summary>
    public double Damping { get; init; } = 0.01;

    /// <summary>
    /// Whether columns are rounded from the most to the least used instead of from left to right. Blocks keep their columns, as
    /// the formats demand; so all scales are searched before the first column is rounded, on values that nothing has corrected yet.
    /// </summary>
    public bool ActOrder { get; init; }

    private protected override int BatchRows => 16;

    private protected override RowRounding Prepare(BlockFormat format, int columns, ColumnStatistics? statistics)
    {
        if (format is not QuantizedFormat quantized || statistics?.Gram is not { } gram)
        {
            float[] importance = format is QuantizedFormat && statistics is not null ? statistics.MeanSquare : [];
            return Plain(format, columns, importance);
        }

        int[]? order = ActOrder ? [.. Enumerable.Range(0, columns).OrderByDescending(i => gram[(i * columns) + i]).ThenBy(i => i)] : null;
        HessianFactor factor = order is null ? HessianFactor.Of(statistics, Damping, Threads) : HessianFactor.Of(gram, columns, Damping, order, Threads);
        return new BlockRounding(quantized, Costs(factor, columns, order), factor.Upper, order, sparse: false).Round;
    }

    /// <summary>1 / U², in the order of the row; 0 for dead columns.</summary>
    internal static float[] Costs(HessianFactor factor, int columns, int[]? order)
    {
        float[] costs = new float[columns];
        for (int i = 0; i < columns; i++)
        {
            float diagonal = factor.Upper[(i * columns) + i];
            costs[order is null ? i : order[i]] = 1 / (diagonal * diagonal);
        }

        foreach (int dead in factor.DeadColumns)
        {
            costs[dead] = 0;
        }

        return costs;
    }

    /// <summary>Rows by the format's own search.</summary>
    internal static RowRounding Plain(BlockFormat format, int columns, float[] importance) => (rows, blocks) =>
    {
        int rowBytes = (int)format.RowBytes(columns);
        for (int row = 0; row < rows.Length / columns; row++)
        {
            format.Quantize(rows.Slice(row * columns, columns), importance, blocks.Slice(row * rowBytes, rowBytes));
        }
    };
}
