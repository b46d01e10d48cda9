namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>What an optimisation is doing.</summary>
public enum OptimizationStage
{
    /// <summary>Reads the model and checks its weights.</summary>
    Reading,

    /// <summary>Takes parts out.</summary>
    Pruning,

    /// <summary>Gathers statistics of activations.</summary>
    Calibrating,

    /// <summary>Runs the original over the windows that candidates are measured on.</summary>
    Original,

    /// <summary>Finds what every choice loses.</summary>
    Sensitivity,

    /// <summary>Times kernels.</summary>
    Costs,

    /// <summary>Searches, builds and measures candidates.</summary>
    Searching,

    /// <summary>Measures the result beside the original.</summary>
    Measuring,

    /// <summary>Writes files.</summary>
    Writing,
}

/// <summary>How far an optimisation is.</summary>
/// <param name="Stage">What it is doing.</param>
/// <param name="Fraction">The share of the stage that is done, 0 to 1.</param>
/// <param name="Detail">What of it; empty where there is nothing to say.</param>
public readonly record struct OptimizationProgress(OptimizationStage Stage, double Fraction, string Detail = "")
{
    /// <summary>What a stage says where nothing had to be computed.</summary>
    public const string FromCache = "from the cache";
}
