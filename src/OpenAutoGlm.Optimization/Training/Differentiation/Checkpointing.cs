namespace OpenAutoGlm.Optimization.Training.Differentiation;

/// <summary>Which values of the forward half stay in memory for the way back. Gradients have the same bits either way.</summary>
public enum Checkpointing
{
    /// <summary>All: the fastest.</summary>
    None,

    /// <summary>
    /// Those that pass from one layer to the next; the others are computed again, layer by layer. About a third more arithmetic,
    /// and memory for one layer instead of all. Source: Chen et al. 2016, §3.
    /// </summary>
    EveryLayer,
}
