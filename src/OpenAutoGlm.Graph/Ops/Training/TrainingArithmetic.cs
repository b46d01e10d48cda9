namespace OpenAutoGlm.Graph.Ops.Training;

/// <summary>What the matrix products of training compute in. Weights, gradients and all else stay float32.</summary>
public enum TrainingArithmetic
{
    /// <summary>float32: one fused multiply-add for each element of a sum, in rising order.</summary>
    Float32,

    /// <summary>
    /// Both factors rounded to bfloat16, sums in float32, two elements at a time in rising order, as vdpbf16ps does.
    /// References do not round, so kernels are within 2⁻⁸ · Σ|a·b| of them.
    /// </summary>
    BFloat16,
}
