using OpenAutoGlm.Graph;

namespace OpenAutoGlm.Cpu;

/// <summary>What the kernels of one plan share.</summary>
sealed class PlanScope(PlanLimits limits)
{
    /// <summary>The largest sizes that the plan is ready for.</summary>
    internal PlanLimits Limits => limits;
}
