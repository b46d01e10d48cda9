using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Recipes;

namespace OpenAutoGlm.Optimization.Search.Runs;

/// <summary>How an optimisation is run; what is to come out of it is the <see cref="Recipe"/>'s.</summary>
public sealed record OptimizationOptions
{
    /// <summary>What is to come out.</summary>
    public Recipe Recipe { get; init; } = new();

    /// <summary>The texts that the model is calibrated and measured with, null for what suits it; not looked at where <see cref="Windows"/> is given.</summary>
    public CalibrationData? Data { get; init; }

    /// <summary>Windows of tokens instead of a text; some of them are held out.</summary>
    public TokenWindows? Windows { get; init; }

    /// <summary>Where what was measured is kept, so that a run that was broken off goes on; null for nowhere.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Names the machine: processor and instruction set. Times of one machine say nothing about another.</summary>
    public string Machine { get; init; } = "this machine";

    /// <summary>About how long sensitivities may take where the recipe does not say how they are found.</summary>
    public TimeSpan SensitivityBudget { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Whether the times of the original and the result are measured.</summary>
    public bool MeasureSpeed { get; init; } = true;
}
