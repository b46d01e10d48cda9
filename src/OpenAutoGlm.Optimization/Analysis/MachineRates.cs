using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>What a machine can do at most, by the arithmetic that a format is multiplied with.</summary>
/// <param name="ReadBytesPerSecond">Streaming reads by all threads.</param>
/// <param name="FloatOperationsPerSecond">float32 arithmetic, a multiply and an add counting as two.</param>
/// <param name="BFloat16OperationsPerSecond">bfloat16 products summed to float32.</param>
/// <param name="ByteOperationsPerSecond">int8 products summed to int32.</param>
public sealed record MachineRates(double ReadBytesPerSecond, double FloatOperationsPerSecond, double BFloat16OperationsPerSecond, double ByteOperationsPerSecond)
{
    /// <summary>The two limits of products with weights of a format; null stands for no weights at all, which is float32 arithmetic.</summary>
    public MachineLimits For(TensorFormat? format) => new(ReadBytesPerSecond, Rate(format));

    /// <summary>Operations per second of products with weights of a format: int8 for everything quantised.</summary>
    public double Rate(TensorFormat? format) => format switch
    {
        null or TensorFormat.F32 or TensorFormat.F16 or TensorFormat.I32 => FloatOperationsPerSecond,
        TensorFormat.BF16 => BFloat16OperationsPerSecond,
        _ => ByteOperationsPerSecond,
    };
}
