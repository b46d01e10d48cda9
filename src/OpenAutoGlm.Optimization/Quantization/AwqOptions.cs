using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Quantization;

/// <summary>How AWQ looks for scales.</summary>
/// <param name="Format">The format that the weights will be rounded to.</param>
public sealed record AwqOptions(TensorFormat Format)
{
    /// <summary>How they will be rounded.</summary>
    public RoundingMethod Rounding { get; init; } = new Nearest();

    /// <summary>Exponents that are tried: 0, 1/Steps … 1.</summary>
    public int Steps { get; init; } = 20;

    /// <summary>Most rows of each matrix that the error is taken over, evenly spread; each row is as good a sample as any other.</summary>
    public int SampledRows { get; init; } = 512;
}
