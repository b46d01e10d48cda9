using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Calibration;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>
/// 2:4 sparsity on top of rounding: of each four neighbours in a row the two with the largest |w| · √E[x²] are kept and
/// the others become exactly 0; with <see cref="Compensated"/> what is dropped is made good by later columns, and the choice is by
/// w² / U². The result is an ordinary tensor of the format. Only formats without minimum have a code that is
/// exactly 0 whatever the scale; the others, Q4_K among them, are refused.
/// Source: Mishra et al. 2021 (2:4); Sun et al. 2023 (Wanda), §3; Frantar and Alistarh 2023 (SparseGPT), §3.
/// </summary>
public sealed record TwoOfFour : RoundingMethod
{
    /// <inheritdoc/>
    public override string Name => Compensated ? "2:4-compensated" : "2:4";

    /// <inheritdoc/>
    public override bool UsesGram => Compensated;

    /// <summary>Whether errors of rounding and dropping are fed back as in <see cref="Gptq"/>; needs <see cref="ColumnStatistics.Gram"/>.</summary>
    public bool Compensated { get; init; }

    /// <summary>As for <see cref="Gptq.Damping"/>.</summary>
    public double Damping { get; init; } = 0.01;

    private protected override int BatchRows => 16;

    /// <summary>Whether a format can hold exact zeros beside any other values.</summary>
    public static bool Supports(TensorFormat format) =>
        BlockFormat.Of(format) is QuantizedFormat { HasMinimum: false, CanQuantize: true } quantized && quantized.NearestCode(0) == 0;

    /// <summary>How a tensor keeps to the pattern.</summary>
    /// <param name="weight">In any format; rows are cut into fours from their beginning.</param>
    /// <returns>The number of fours, how many of them have more than two values other than 0, and the share of zeros.</returns>
    public static (long Fours, long Violations, double ZeroShare) Check(Tensor weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        float[] row = new float[weight.Shape.Last.Size];
        (long fours, long violations, long zeros) = (0, 0, 0);
        for (int i = 0; i < weight.View.RowCount; i++)
        {
            weight.View.ReadRow(i, row);
            foreach (float[] four in row.Chunk(4))
            {
                int kept = four.Count(value => value != 0);
                fours++;
                violations += kept > 2 ? 1 : 0;
                zeros += four.Length - kept;
            }
        }

        GC.KeepAlive(weight);
        return (fours, violations, (double)zeros / weight.Shape.ElementCount);
    }

    private protected override RowRounding Prepare(BlockFormat format, int columns, ColumnStatistics? statistics)
    {
        if (!Supports(format.Format))
        {
            throw new NotSupportedException($"{format.Format} has no code that is exactly 0 at every scale, which 2:4 sparsity needs; Q4_0, Q5_0, Q8_0, Q6_K, Q3_K and MXFP4 have.");
        }

        var quantized = (QuantizedFormat)format;
        if (Compensated && statistics?.Gram is not null)
        {
            HessianFactor factor = HessianFactor.Of(statistics, Damping, Threads);
            return new BlockRounding(quantized, Gptq.Costs(factor, columns, null), factor.Upper, order: null, sparse: true).Round;
        }

        float[] importance = statistics is null ? [.. Enumerable.Repeat(1f, columns)] : statistics.MeanSquare;
        return new BlockRounding(quantized, importance, feedback: null, order: null, sparse: true).Round;
    }
}
