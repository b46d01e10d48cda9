namespace OpenAutoGlm.Optimization.Training;

/// <summary>How a loss scale moves, for arithmetic whose range is short (FP16).</summary>
/// <param name="Initial">Where it begins.</param>
/// <param name="GrowEvery">Good steps after which it doubles.</param>
/// <param name="Most">Where it stops to grow.</param>
public sealed record LossScaling(double Initial = 65536, int GrowEvery = 2000, double Most = 1L << 40);

/// <summary>
/// The factor on the loss that keeps small gradients from becoming 0: halved by a step whose gradients overflow, which is
/// then skipped, and doubled after a run of good steps. Source: Micikevicius et al. 2018, §3.2.
/// </summary>
/// <param name="Value">The factor, a power of two if it began as one.</param>
/// <param name="GoodSteps">Steps since it last changed.</param>
public readonly record struct LossScale(double Value, int GoodSteps)
{
    /// <summary>No scaling.</summary>
    public static LossScale None { get; } = new(1, 0);

    /// <summary>After a step.</summary>
    public LossScale After(bool overflowed, LossScaling scaling)
    {
        ArgumentNullException.ThrowIfNull(scaling);
        return overflowed ? new LossScale(Math.Max(Value / 2, double.Epsilon), 0)
            : GoodSteps + 1 < scaling.GrowEvery ? this with { GoodSteps = GoodSteps + 1 }
            : new LossScale(Math.Min(Value * 2, scaling.Most), 0);
    }
}
