namespace OpenAutoGlm.Optimization.Pruning;

/// <summary>How the importance of a unit is told, from the cheapest to the dearest.</summary>
public enum ImportanceMethod
{
    /// <summary>The norm of its weights; reads no text.</summary>
    Magnitude,

    /// <summary>Its contribution to the residual stream, squared and relative to it; one run. For experts the share that they are given.</summary>
    Activation,

    /// <summary>For layers 1 − cos(x before, x after), one run; for everything else the contribution. Source: Men et al. 2024.</summary>
    BlockInfluence,

    /// <summary>
    /// The contribution times what the output minds a small random change at its place: a second-order Taylor estimate without
    /// gradients. One run, and one more for each layer and kind. A layer as a whole is silenced, which is one run as well.
    /// </summary>
    Sensitivity,

    /// <summary>
    /// Random subsets are silenced, another for each short window, and what each unit costs is found by least squares: one run
    /// over many short windows for all units of a kind.
    /// </summary>
    RandomMasks,

    /// <summary>The unit is silenced and the divergence measured, on as many windows as are given: exact on those, one run for each unit.</summary>
    Ablation,
}
